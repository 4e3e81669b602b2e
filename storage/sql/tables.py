"""Every table, its keys and what must always hold in it."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.sql.types import BinaryText, Id, JsonValue, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

projects = Table(
    "projects",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("operating_hours", JsonValue),
    Column("token_policy", JsonValue, nullable=False),
    Column("allowed_origins", JsonValue, nullable=False),
    Column("limits", JsonValue, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("rotate_every_days", Integer),
    Column("policy_due_at", UtcTime),
    # Redis held a higher epoch than SQL: SQL lost commits, and an operator decides.
    Column("halted_at", UtcTime),
    Column("halted_epoch", Integer),
    CheckConstraint("epoch >= 1", name="epoch_positive"),
    Index("ix_projects_name", "name"),
    Index("ix_projects_updated_at", "updated_at"),
    Index(
        "ix_projects_policy_due_at",
        "policy_due_at",
        postgresql_where=text("policy_due_at IS NOT NULL"),
        sqlite_where=text("policy_due_at IS NOT NULL"),
    ),
    Index(
        "ix_projects_halted_at",
        "halted_at",
        postgresql_where=text("halted_at IS NOT NULL"),
        sqlite_where=text("halted_at IS NOT NULL"),
    ),
)

signing_secrets = Table(
    "signing_secrets",
    metadata,
    Column("key_id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("sealed", Text),
    Column("last_four", String(4), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at", UtcTime),
    Column("last_verified_at", UtcTime),
    Column("last_refused_at", UtcTime),
    UniqueConstraint("project_id", "generation"),
    CheckConstraint("state IN ('waiting','active','retiring','revoked')", name="state_known"),
    CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_has_time"),
    CheckConstraint("state = 'revoked' OR sealed IS NOT NULL", name="living_has_secret"),
    Index(
        "ix_signing_secrets_revoked_at",
        "revoked_at",
        postgresql_where=text("revoked_at IS NOT NULL AND sealed IS NOT NULL"),
        sqlite_where=text("revoked_at IS NOT NULL AND sealed IS NOT NULL"),
    ),
)
for _state in ("waiting", "active", "retiring"):
    Index(
        f"uq_signing_secrets_one_{_state}",
        signing_secrets.c.project_id,
        unique=True,
        postgresql_where=text(f"state = '{_state}'"),
        sqlite_where=text(f"state = '{_state}'"),
    )

rotations = Table(
    "rotations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("old_key_id", Id, ForeignKey("signing_secrets.key_id")),
    Column("new_key_id", Id, ForeignKey("signing_secrets.key_id"), nullable=False),
    Column("how", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("reason", Text),
    Column("pinned", Boolean, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("due_at", UtcTime),
    Column("effective_at", UtcTime),
    Column("completed_at", UtcTime),
    Column("sessions_targeted", Integer, nullable=False, server_default="0"),
    Column("sessions_closed", Integer, nullable=False, server_default="0"),
    Column("sessions_gone", Integer, nullable=False, server_default="0"),
    Column("nodes_asked", Integer, nullable=False, server_default="0"),
    Column("nodes_answered", Integer, nullable=False, server_default="0"),
    Column("nodes_expired", JsonValue),
    Column("answers", JsonValue),
    Column("window_ends_at", UtcTime),
    Column("stretch_minutes", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcTime),
    Column("moved_because", String(32)),
    Column("moved_at", UtcTime),
    Column("announced_at", UtcTime),
    Column("reminded_of", UtcTime),
    CheckConstraint(
        "state IN ('scheduled','overlapping','cutting','completed','cancelled','superseded')",
        name="state_known",
    ),
    CheckConstraint("completed_at IS NULL OR effective_at IS NOT NULL", name="cut_before_done"),
    Index("ix_rotations_project_id", "project_id", "id"),
    Index("ix_rotations_state", "state", "due_at"),
    Index("ix_rotations_completed_at", "completed_at"),
    Index(
        "uq_rotations_one_pending",
        "project_id",
        unique=True,
        postgresql_where=text("state IN ('scheduled','overlapping')"),
        sqlite_where=text("state IN ('scheduled','overlapping')"),
    ),
)

visitors = Table(
    "visitors",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("custom_id", BinaryText),
    Column("name", Text),
    Column("email", Text),
    Column("attributes", JsonValue),
    Column("declared", JsonValue),
    Column("authenticated_at", UtcTime),
    Column("authenticated_by", Id, ForeignKey("signing_secrets.key_id")),
    Column("person_epoch", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcTime),
    Column("merged_into", Id, ForeignKey("visitors.id")),
    Column("created_at", UtcTime, nullable=False),
    Column("epoch_raised_at", UtcTime),
    Column("last_message_id", Id),
    # When they signed out in the last browser that had a proof of theirs.
    Column("left_at", UtcTime),
    UniqueConstraint("project_id", "custom_id"),
    CheckConstraint(
        "merged_into IS NULL OR (custom_id IS NULL AND merged_into <> id)", name="absorbed_is_bare"
    ),
    # For lists alone: where PostgreSQL has no statistics yet, an index over all of a project's
    # visitors is as good to it for finding one by custom ID, and it keeps that plan.
    Index(
        "ix_visitors_living",
        "project_id",
        "id",
        postgresql_where=text("merged_into IS NULL"),
        sqlite_where=text("merged_into IS NULL"),
    ),
    Index("ix_visitors_merged_into", "merged_into"),
    Index(
        "ix_visitors_epoch_raised",
        "project_id",
        "epoch_raised_at",
        postgresql_where=text("epoch_raised_at IS NOT NULL"),
        sqlite_where=text("epoch_raised_at IS NOT NULL"),
    ),
    Index(
        "ix_visitors_conversations",
        "project_id",
        "last_message_id",
        postgresql_where=text("last_message_id IS NOT NULL AND merged_into IS NULL"),
        sqlite_where=text("last_message_id IS NOT NULL AND merged_into IS NULL"),
    ),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("visitor_id", Id, ForeignKey("visitors.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index("ix_devices_visitor_id", "visitor_id"),
    Index(
        "ix_devices_ended_at",
        "ended_at",
        "id",
        postgresql_where=text("ended_at IS NOT NULL"),
        sqlite_where=text("ended_at IS NOT NULL"),
    ),
    Index(
        "ix_devices_open",
        "created_at",
        "id",
        postgresql_where=text("ended_at IS NULL"),
        sqlite_where=text("ended_at IS NULL"),
    ),
    Index(
        "ix_devices_visitor_open",
        "visitor_id",
        "created_at",
        postgresql_where=text("ended_at IS NULL"),
        sqlite_where=text("ended_at IS NULL"),
    ),
)

merges = Table(
    "merges",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("survivor_id", Id, ForeignKey("visitors.id"), nullable=False),
    Column("absorbed_id", Id, ForeignKey("visitors.id"), nullable=False),
    Column("merged_at", UtcTime, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("undone_at", UtcTime),
    UniqueConstraint("survivor_id", "absorbed_id"),
    Index("ix_merges_absorbed_id", "absorbed_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("visitor_id", Id, ForeignKey("visitors.id"), nullable=False),
    Column("device_id", Id, ForeignKey("devices.id")),
    Column("client_id", BinaryText),
    Column("author", String(8), nullable=False),
    Column("agent_name", Text),
    Column("text", Text, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Column("verified_by", Id, ForeignKey("signing_secrets.key_id")),
    Column("verified_as", Id),
    UniqueConstraint("device_id", "client_id"),
    CheckConstraint("author IN ('visitor','agent')", name="author_known"),
    CheckConstraint(
        "(author = 'visitor') = (device_id IS NOT NULL AND client_id IS NOT NULL)",
        name="visitor_has_device",
    ),
    CheckConstraint("(author = 'agent') = (agent_name IS NOT NULL)", name="agent_has_name"),
    CheckConstraint(
        "(verified_by IS NULL) = (verified_as IS NULL)", name="verified_by_key_as_person"
    ),
    Index("ix_messages_visitor_id", "visitor_id", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("event_id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("payload", JsonValue, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("done_at", UtcTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # How often carrying it out has failed, other than for a store that was away; since when.
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", UtcTime),
    Column("parked_at", UtcTime),
    Column("parked_because", String(64)),
    Index("ix_outbox_project_id", "project_id", "event_id"),
    Index(
        "ix_outbox_undone",
        "next_attempt_at",
        postgresql_where=text("done_at IS NULL"),
        sqlite_where=text("done_at IS NULL"),
    ),
)

# Messages that no task could make sense of, or that SQL did not confirm; never their content. Of a
# kind only so many have a row; `repeated` of its newest counts the others.
parked_messages = Table(
    "parked_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("parked_at", UtcTime, nullable=False),
    Column("task", String(64), nullable=False),
    Column("because", String(64), nullable=False),
    Column("reference", Text),
    Column("repeated", Integer, nullable=False, server_default="0"),
    Index("ix_parked_messages_kind", "task", "because", "id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("source", Text),
    Column("action", Text, nullable=False),
    Column("details", JsonValue),
    Index("ix_audit_log_project_id", "project_id", "id"),
)

_ROLES = "role IN ('owner','administrator','operator','agent')"

# A row without a project is an owner's: it holds for the whole installation.
members = Table(
    "members",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id")),
    Column("email", BinaryText, nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("project_id", "email"),
    CheckConstraint(_ROLES, name="role_known"),
    CheckConstraint("(role = 'owner') = (project_id IS NULL)", name="owner_has_no_project"),
    Index("ix_members_email", "email"),
)

# Who has been asked to become a member: whoever holds the link chooses the password.
invitations = Table(
    "invitations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id")),
    Column("email", BinaryText, nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    UniqueConstraint("project_id", "email"),
    CheckConstraint(_ROLES, name="role_known"),
    CheckConstraint("(role = 'owner') = (project_id IS NULL)", name="owner_has_no_project"),
)

# Members signed in to the dashboard, known by the SHA-256 of what their cookie holds: one row for
# each membership that the password was right for.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("member_id", Id, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("source", Text),
    Column("agent", Text),
    Index("ix_sign_ins_member_id", "member_id"),
    Index("ix_sign_ins_expires_at", "expires_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id")),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("last_four", String(4), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at", UtcTime),
    CheckConstraint(_ROLES, name="role_known"),
    CheckConstraint("(role = 'owner') = (project_id IS NULL)", name="owner_has_no_project"),
    Index("ix_api_keys_project_id", "project_id", "id"),
)
