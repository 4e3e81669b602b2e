"""Let the sweep find devices that have been open for long without reading those that have ended."""

import sqlalchemy as sa
from alembic import op

from migrations.indexes import build_index

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    build_index(
        "ix_devices_open",
        "devices",
        ["created_at", "id"],
        where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_devices_open", "devices")
