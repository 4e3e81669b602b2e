"""Let events and messages be parked, and projects be halted."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import Id, UtcTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("projects", sa.Column("halted_at", UtcTime, nullable=True))
    op.add_column("projects", sa.Column("halted_epoch", sa.Integer(), nullable=True))
    op.create_index(
        "ix_projects_halted_at",
        "projects",
        ["halted_at"],
        postgresql_where=sa.text("halted_at IS NOT NULL"),
        sqlite_where=sa.text("halted_at IS NOT NULL"),
    )
    op.add_column("outbox", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("outbox", sa.Column("failing_since", UtcTime, nullable=True))
    op.add_column("outbox", sa.Column("parked_at", UtcTime, nullable=True))
    op.add_column("outbox", sa.Column("parked_because", sa.String(length=64), nullable=True))
    op.create_table(
        "parked_messages",
        sa.Column("id", Id, nullable=False),
        sa.Column("parked_at", UtcTime, nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("because", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("repeated", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_messages")),
    )
    op.create_index("ix_parked_messages_kind", "parked_messages", ["task", "because", "id"])


def downgrade() -> None:
    op.drop_table("parked_messages")
    op.drop_column("outbox", "parked_because")
    op.drop_column("outbox", "parked_at")
    op.drop_column("outbox", "failing_since")
    op.drop_column("outbox", "failures")
    op.drop_index("ix_projects_halted_at", "projects")
    op.drop_column("projects", "halted_epoch")
    op.drop_column("projects", "halted_at")
