"""Create the tables."""

import sqlalchemy as sa
from alembic import op

from storage.sql.types import BinaryText, Id, JsonValue, UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("details", JsonValue, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_project_id", "audit_log", ["project_id", "id"])

    op.create_table(
        "projects",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("operating_hours", JsonValue, nullable=True),
        sa.Column("token_policy", JsonValue, nullable=False),
        sa.Column("allowed_origins", JsonValue, nullable=False),
        sa.Column("limits", JsonValue, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_projects_epoch_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_index("ix_projects_name", "projects", ["name"])
    op.create_index("ix_projects_updated_at", "projects", ["updated_at"])

    op.create_table(
        "api_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", UtcTime, nullable=True),
        sa.CheckConstraint(
            "(role = 'owner') = (project_id IS NULL)", name=op.f("ck_api_keys_owner_has_no_project")
        ),
        sa.CheckConstraint(
            "role IN ('owner','administrator','operator','agent')",
            name=op.f("ck_api_keys_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_api_keys_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index("ix_api_keys_project_id", "api_keys", ["project_id", "id"])

    op.create_table(
        "members",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("email", BinaryText, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.CheckConstraint(
            "(role = 'owner') = (project_id IS NULL)", name=op.f("ck_members_owner_has_no_project")
        ),
        sa.CheckConstraint(
            "role IN ('owner','administrator','operator','agent')",
            name=op.f("ck_members_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_members_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("project_id", "email", name=op.f("uq_members_project_id_email")),
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payload", JsonValue, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("next_attempt_at", UtcTime, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=True),
        sa.Column("done_at", UtcTime, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_outbox_project_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_project_id", "outbox", ["project_id", "event_id"])
    op.create_index(
        "ix_outbox_undone",
        "outbox",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )

    op.create_table(
        "signing_secrets",
        sa.Column("key_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", UtcTime, nullable=True),
        sa.Column("last_verified_at", UtcTime, nullable=True),
        sa.Column("last_refused_at", UtcTime, nullable=True),
        sa.CheckConstraint(
            "(state = 'revoked') = (revoked_at IS NOT NULL)",
            name=op.f("ck_signing_secrets_revoked_has_time"),
        ),
        sa.CheckConstraint(
            "state = 'revoked' OR sealed IS NOT NULL",
            name=op.f("ck_signing_secrets_living_has_secret"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting','active','retiring','revoked')",
            name=op.f("ck_signing_secrets_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_signing_secrets_project_id")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_signing_secrets")),
        sa.UniqueConstraint(
            "project_id", "generation", name=op.f("uq_signing_secrets_project_id_generation")
        ),
    )
    op.create_index(
        "uq_signing_secrets_one_active",
        "signing_secrets",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_signing_secrets_one_retiring",
        "signing_secrets",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("state = 'retiring'"),
        sqlite_where=sa.text("state = 'retiring'"),
    )
    op.create_index(
        "uq_signing_secrets_one_waiting",
        "signing_secrets",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )

    op.create_table(
        "rotations",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("old_key_id", Id, nullable=True),
        sa.Column("new_key_id", Id, nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_at", UtcTime, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("due_at", UtcTime, nullable=True),
        sa.Column("effective_at", UtcTime, nullable=True),
        sa.Column("completed_at", UtcTime, nullable=True),
        sa.Column("sessions_targeted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sessions_closed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sessions_gone", sa.Integer(), server_default="0", nullable=False),
        sa.Column("nodes_asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("nodes_answered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("nodes_expired", JsonValue, nullable=True),
        sa.CheckConstraint(
            "state IN ('scheduled','overlapping','cutting','completed','cancelled','superseded')",
            name=op.f("ck_rotations_state_known"),
        ),
        sa.CheckConstraint(
            "completed_at IS NULL OR effective_at IS NOT NULL",
            name=op.f("ck_rotations_cut_before_done"),
        ),
        sa.ForeignKeyConstraint(
            ["new_key_id"], ["signing_secrets.key_id"], name=op.f("fk_rotations_new_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["old_key_id"], ["signing_secrets.key_id"], name=op.f("fk_rotations_old_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_rotations_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotations")),
    )
    op.create_index("ix_rotations_project_id", "rotations", ["project_id", "id"])
    op.create_index("ix_rotations_state", "rotations", ["state", "due_at"])

    op.create_table(
        "visitors",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("custom_id", BinaryText, nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("attributes", JsonValue, nullable=True),
        sa.Column("declared", JsonValue, nullable=True),
        sa.Column("authenticated_at", UtcTime, nullable=True),
        sa.Column("authenticated_by", Id, nullable=True),
        sa.Column("person_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", UtcTime, nullable=True),
        sa.Column("merged_into", Id, nullable=True),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.CheckConstraint(
            "merged_into IS NULL OR (custom_id IS NULL AND merged_into <> id)",
            name=op.f("ck_visitors_absorbed_is_bare"),
        ),
        sa.ForeignKeyConstraint(
            ["authenticated_by"],
            ["signing_secrets.key_id"],
            name=op.f("fk_visitors_authenticated_by"),
        ),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["visitors.id"], name=op.f("fk_visitors_merged_into")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_visitors_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visitors")),
        sa.UniqueConstraint(
            "project_id", "custom_id", name=op.f("uq_visitors_project_id_custom_id")
        ),
    )
    op.create_index("ix_visitors_merged_into", "visitors", ["merged_into"])
    op.create_index("ix_visitors_project_id", "visitors", ["project_id", "id"])

    op.create_table(
        "devices",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("visitor_id", Id, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime, nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_devices_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitors.id"], name=op.f("fk_devices_visitor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index("ix_devices_visitor_id", "devices", ["visitor_id"])

    op.create_table(
        "merges",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("survivor_id", Id, nullable=False),
        sa.Column("absorbed_id", Id, nullable=False),
        sa.Column("merged_at", UtcTime, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("undone_at", UtcTime, nullable=True),
        sa.ForeignKeyConstraint(
            ["absorbed_id"], ["visitors.id"], name=op.f("fk_merges_absorbed_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_merges_project_id")),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["visitors.id"], name=op.f("fk_merges_survivor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
        sa.UniqueConstraint(
            "survivor_id", "absorbed_id", name=op.f("uq_merges_survivor_id_absorbed_id")
        ),
    )
    op.create_index("ix_merges_absorbed_id", "merges", ["absorbed_id"])


def downgrade() -> None:
    op.drop_table("merges")
    op.drop_table("devices")
    op.drop_table("visitors")
    op.drop_table("rotations")
    op.drop_table("signing_secrets")
    op.drop_table("outbox")
    op.drop_table("members")
    op.drop_table("api_keys")
    op.drop_table("projects")
    op.drop_table("audit_log")
