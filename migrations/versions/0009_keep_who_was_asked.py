"""Let a rotation keep which gateway nodes were asked, and what each has answered."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import JsonValue

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("rotations", sa.Column("answers", JsonValue, nullable=True))


def downgrade() -> None:
    op.drop_column("rotations", "answers")
