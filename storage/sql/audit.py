"""The audit log: who did what, when, from where. Append only; never secret material."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.outcomes import JsonObject
from domain.roles import Actor
from storage.sql.tables import audit_log


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log."""

    id: str
    project_id: ProjectId | None
    at: datetime
    actor: str
    source: str | None
    action: str
    details: JsonObject | None


def record(
    db: Connection,
    entry_id: str,
    at: datetime,
    actor: Actor,
    action: str,
    project_id: ProjectId | None,
    details: JsonObject | None = None,
) -> None:
    """The action stands in the log once this transaction commits."""
    db.execute(
        audit_log.insert().values(
            id=entry_id,
            project_id=project_id,
            at=at,
            actor=actor.name,
            source=actor.source,
            action=action,
            details=details,
        )
    )


def list_audit(
    db: Connection, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[AuditEntry]:
    """Up to `limit` lines of the project, newest first, older than the given id."""
    query = (
        sa.select(audit_log)
        .where(audit_log.c.project_id == project_id)
        .order_by(audit_log.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(audit_log.c.id < before)
    return [AuditEntry(**row) for row in db.execute(query).mappings()]
