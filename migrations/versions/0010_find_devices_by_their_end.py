"""Let the sweep find devices that ended long ago without reading all that there ever were."""

import sqlalchemy as sa
from alembic import op

from migrations.indexes import build_index

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    build_index(
        "ix_devices_ended_at",
        "devices",
        ["ended_at", "id"],
        where=sa.text("ended_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_devices_ended_at", "devices")
