"""Let the sweep find devices that ended long ago without reading all that there ever were."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ENDED = sa.text("ended_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_devices_ended_at",
        "devices",
        ["ended_at", "id"],
        postgresql_where=_ENDED,
        sqlite_where=_ENDED,
    )


def downgrade() -> None:
    op.drop_index("ix_devices_ended_at", "devices")
