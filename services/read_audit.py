"""The audit log, with the names of those who acted."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from storage.sql import actors, audit, projects
from storage.sql.actors import ActorName
from storage.sql.audit import AuditEntry, AuditFilter


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry, and what the actor is called if it is a member or a key that is known still."""

    entry: AuditEntry
    actor: ActorName | None


def read_audit(
    db: Connection,
    project_id: ProjectId,
    wanted: AuditFilter,
    *,
    limit: int,
    before: str | None = None,
) -> list[AuditLine]:
    """Up to `limit` lines of the project, newest first, older than the given id.

    Raises:
        ProjectNotFound: there is no such project.
    """
    projects.get_project(db, project_id)
    entries = audit.list_audit(db, project_id, limit=limit, before=before, wanted=wanted)
    names = _names(db, entries)
    return [AuditLine(entry, names.get(entry.actor)) for entry in entries]


def _names(db: Connection, entries: Iterable[AuditEntry]) -> dict[str, ActorName]:
    return actors.find_names(db, {entry.actor for entry in entries})
