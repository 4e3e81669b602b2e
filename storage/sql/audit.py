"""The audit log: who did what, when, from where. Append only; never secret material."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import ProjectId, least_uuid7
from domain.json_values import JsonObject
from domain.roles import Actor
from storage.sql.tables import audit_log

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

REFUSED = ".refused"
"""What the names of actions end with that are refusals."""


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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted; None admits all.

    Attributes:
        action: exactly this one.
        actor: exactly this one, or all of a kind: `cli`, `member`, `api_key`.
        since: not before, in milliseconds.
        until: before, in milliseconds.
        refused: only what was refused.
    """

    action: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    refused: bool = False


ALL = AuditFilter()


def list_audit(
    db: Connection,
    project_id: ProjectId,
    *,
    limit: int,
    before: str | None = None,
    wanted: AuditFilter = ALL,
) -> list[AuditEntry]:
    """Up to `limit` lines of the project, newest first, older than the given id."""
    query = (
        sa.select(audit_log)
        .where(audit_log.c.project_id == project_id, *_conditions(wanted))
        .order_by(audit_log.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(audit_log.c.id < before)
    return [AuditEntry(**row) for row in db.execute(query).mappings()]


def _conditions(wanted: AuditFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.action is not None:
        yield audit_log.c.action == wanted.action
    if wanted.actor is not None:
        of_kind = audit_log.c.actor.startswith(f"{wanted.actor}:", autoescape=True)
        yield sa.or_(audit_log.c.actor == wanted.actor, of_kind)
    if wanted.refused:
        yield audit_log.c.action.endswith(REFUSED, autoescape=True)
    # An entry's id is made of its time, so that a stretch of time is a stretch of the index.
    if wanted.since is not None:
        yield audit_log.c.id >= _least_id(wanted.since)
    if wanted.until is not None:
        yield audit_log.c.id < _least_id(wanted.until)


def _least_id(moment: datetime) -> str:
    return least_uuid7(max(moment, _FIRST))
