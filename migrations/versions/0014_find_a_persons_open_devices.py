"""Find a person's open devices without reading those that have ended, which may be many."""

import sqlalchemy as sa
from alembic import op

from migrations.indexes import build_index

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    build_index(
        "ix_devices_visitor_open",
        "devices",
        ["visitor_id", "created_at"],
        where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_devices_visitor_open", "devices")
