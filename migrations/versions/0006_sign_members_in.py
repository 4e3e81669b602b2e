"""Create the dashboard's invitations and sign-ins."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import BinaryText, Id, UtcTime

revision = "0006"
down_revision = "0005"

_ROLES = "role IN ('owner','administrator','operator','agent')"


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("email", BinaryText, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.CheckConstraint(_ROLES, name=op.f("ck_invitations_role_known")),
        sa.CheckConstraint(
            "(role = 'owner') = (project_id IS NULL)",
            name=op.f("ck_invitations_owner_has_no_project"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_invitations_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
        sa.UniqueConstraint("project_id", "email", name=op.f("uq_invitations_project_id")),
    )
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("member_id", Id, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["members.id"],
            name=op.f("fk_sign_ins_member_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", "member_id", name=op.f("pk_sign_ins")),
    )
    op.create_index("ix_sign_ins_member_id", "sign_ins", ["member_id"])
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])


def downgrade() -> None:
    op.drop_table("sign_ins")
    op.drop_table("invitations")
