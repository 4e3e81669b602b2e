"""Let rotations wait for a date: its window, what it was asked for, why it was moved, who knows."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import UtcTime

revision = "0003"
down_revision = "0002"

_PENDING = sa.text("state IN ('scheduled','overlapping')")


def upgrade() -> None:
    op.add_column("rotations", sa.Column("window_ends_at", UtcTime, nullable=True))
    op.add_column(
        "rotations",
        sa.Column("stretch_minutes", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column("rotations", sa.Column("not_before", UtcTime, nullable=True))
    op.add_column("rotations", sa.Column("moved_because", sa.String(length=32), nullable=True))
    op.add_column("rotations", sa.Column("announced_at", UtcTime, nullable=True))
    op.add_column("rotations", sa.Column("reminded_of", UtcTime, nullable=True))
    op.create_index(
        "uq_rotations_one_pending",
        "rotations",
        ["project_id"],
        unique=True,
        postgresql_where=_PENDING,
        sqlite_where=_PENDING,
    )


def downgrade() -> None:
    op.drop_index("uq_rotations_one_pending", "rotations")
    for column in (
        "reminded_of",
        "announced_at",
        "moved_because",
        "not_before",
        "stretch_minutes",
        "window_ends_at",
    ):
        op.drop_column("rotations", column)
