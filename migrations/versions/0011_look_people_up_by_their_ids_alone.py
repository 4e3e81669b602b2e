"""Let nothing but lists of a project's living visitors go by all of its visitors.

Where PostgreSQL had no statistics yet, it kept plans that looked people up among all of a project's
visitors, by the index that this one replaces.
"""

import sqlalchemy as sa
from alembic import op

from migrations.indexes import build_index

revision = "0011"
down_revision = "0010"

_LIVING = sa.text("merged_into IS NULL")


def upgrade() -> None:
    build_index("ix_visitors_living", "visitors", ["project_id", "id"], where=_LIVING)
    op.drop_index("ix_visitors_project_id", "visitors", if_exists=True)


def downgrade() -> None:
    op.create_index("ix_visitors_project_id", "visitors", ["project_id", "id"])
    op.drop_index("ix_visitors_living", "visitors")
