"""Tell when persons signed out by themselves, which ends what agents see of their proof."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import UtcTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("visitors", sa.Column("left_at", UtcTime()))


def downgrade() -> None:
    op.drop_column("visitors", "left_at")
