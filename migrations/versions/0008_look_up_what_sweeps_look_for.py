"""Let sweeps find what is new without reading what is old, and sign-ins whose address it is."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TO_BE_ERASED = sa.text("revoked_at IS NOT NULL AND sealed IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_rotations_completed_at", "rotations", ["completed_at"])
    op.create_index(
        "ix_signing_secrets_revoked_at",
        "signing_secrets",
        ["revoked_at"],
        postgresql_where=_TO_BE_ERASED,
        sqlite_where=_TO_BE_ERASED,
    )
    op.create_index("ix_members_email", "members", ["email"])


def downgrade() -> None:
    op.drop_index("ix_members_email", "members")
    op.drop_index("ix_signing_secrets_revoked_at", "signing_secrets")
    op.drop_index("ix_rotations_completed_at", "rotations")
