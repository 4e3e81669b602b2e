"""Let a rotation tell since when its date is another one than it was planned for."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("rotations", sa.Column("moved_at", UtcTime, nullable=True))


def downgrade() -> None:
    op.drop_column("rotations", "moved_at")
