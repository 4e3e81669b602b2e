"""The audit log: who did what."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from dashboard.api.dates import Time
from dashboard.authorisation import GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, Line, Object, ProjectPath, Truth, Uuid, WireTime
from domain.permissions import Action
from storage.sql import audit, projects
from storage.sql.audit import AuditFilter

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["audit"])

MOST_CHARACTERS = 100

AuditPage = Annotated[Page, Depends(page_of("audit"))]


class AuditEntry(Answer):
    """One line of the log."""

    id: Uuid
    at: WireTime
    actor: str = Field(examples=["api_key:0193f1c2-7d3e-7cc1-9c6a-0a51c1f2d3e4", "cli:ada"])
    source: str | None = Field(description="The address that the request came from.")
    action: str
    details: Object | None


class AuditList(Answer):
    """Lines of the log, newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


@router.get(
    "/projects/{project_id}/audit",
    name=Action.AUDIT_LIST,
    responses=refusals(400, 404, 422),
)
def list_audit(
    project_id: ProjectPath,
    page: AuditPage,
    runtime: RuntimeOf,
    *,
    action: Annotated[Line | None, Query(max_length=MOST_CHARACTERS)] = None,
    actor: Annotated[
        Line | None,
        Query(
            max_length=MOST_CHARACTERS, description="One, or a kind: `cli`, `member`, `api_key`."
        ),
    ] = None,
    since: Annotated[Time | None, Query(description="Not before.")] = None,
    until: Annotated[Time | None, Query(description="Before.")] = None,
    refused: Annotated[Truth, Query(description="Only what was refused.")] = False,
) -> AuditList:
    """What was done in the project, and what was refused."""
    wanted = AuditFilter(action, actor, since, until, refused=refused)
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = audit.list_audit(db, project_id, limit=page.ahead, before=page.after, wanted=wanted)
    items, next_cursor = page.cut(found, lambda entry: entry.id)
    return AuditList(items=[_entry(item) for item in items], next_cursor=next_cursor)


def _entry(entry: audit.AuditEntry) -> AuditEntry:
    return AuditEntry(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        source=entry.source,
        action=entry.action,
        details=entry.details,
    )
