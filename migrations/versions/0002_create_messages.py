"""Create messages; note when a person's epoch was raised and which message is a thread's last."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import BinaryText, Id, UtcTime

revision = "0002"
down_revision = "0001"

_RAISED = sa.text("epoch_raised_at IS NOT NULL")
_THREADS = sa.text("last_message_id IS NOT NULL AND merged_into IS NULL")


def upgrade() -> None:
    op.add_column("visitors", sa.Column("epoch_raised_at", UtcTime, nullable=True))
    op.add_column("visitors", sa.Column("last_message_id", Id, nullable=True))
    op.create_index(
        "ix_visitors_epoch_raised",
        "visitors",
        ["project_id", "epoch_raised_at"],
        postgresql_where=_RAISED,
        sqlite_where=_RAISED,
    )
    op.create_index(
        "ix_visitors_conversations",
        "visitors",
        ["project_id", "last_message_id"],
        postgresql_where=_THREADS,
        sqlite_where=_THREADS,
    )
    op.create_table(
        "messages",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("visitor_id", Id, nullable=False),
        sa.Column("device_id", Id, nullable=True),
        sa.Column("client_id", BinaryText, nullable=True),
        sa.Column("author", sa.String(length=8), nullable=False),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", UtcTime, nullable=False),
        sa.Column("verified_by", Id, nullable=True),
        sa.Column("verified_as", Id, nullable=True),
        sa.CheckConstraint("author IN ('visitor','agent')", name=op.f("ck_messages_author_known")),
        sa.CheckConstraint(
            "(author = 'visitor') = (device_id IS NOT NULL AND client_id IS NOT NULL)",
            name=op.f("ck_messages_visitor_has_device"),
        ),
        sa.CheckConstraint(
            "(author = 'agent') = (agent_name IS NOT NULL)",
            name=op.f("ck_messages_agent_has_name"),
        ),
        sa.CheckConstraint(
            "(verified_by IS NULL) = (verified_as IS NULL)",
            name=op.f("ck_messages_verified_by_key_as_person"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_messages_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitors.id"], name=op.f("fk_messages_visitor_id")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_messages_device_id")),
        sa.ForeignKeyConstraint(
            ["verified_by"], ["signing_secrets.key_id"], name=op.f("fk_messages_verified_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("device_id", "client_id", name=op.f("uq_messages_device_id_client_id")),
    )
    op.create_index("ix_messages_visitor_id", "messages", ["visitor_id", "id"])


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_index("ix_visitors_conversations", "visitors")
    op.drop_index("ix_visitors_epoch_raised", "visitors")
    op.drop_column("visitors", "last_message_id")
    op.drop_column("visitors", "epoch_raised_at")
