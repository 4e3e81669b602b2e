"""Let projects have a new secret made every so many days."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import UtcTime

revision = "0004"
down_revision = "0003"

_HAS_POLICY = sa.text("policy_due_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("projects", sa.Column("rotate_every_days", sa.Integer(), nullable=True))
    op.add_column("projects", sa.Column("policy_due_at", UtcTime, nullable=True))
    op.create_index(
        "ix_projects_policy_due_at",
        "projects",
        ["policy_due_at"],
        postgresql_where=_HAS_POLICY,
        sqlite_where=_HAS_POLICY,
    )


def downgrade() -> None:
    op.drop_index("ix_projects_policy_due_at", "projects")
    op.drop_column("projects", "policy_due_at")
    op.drop_column("projects", "rotate_every_days")
