"""Live widget sessions."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from dashboard.authorisation import GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, KeyUuid, ProjectPath, Uuid, WireTime
from domain.permissions import Action
from services.read_sessions import LiveSession, list_newest_sessions

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["sessions"])

SessionPage = Annotated[Page, Depends(page_of("sessions"))]


class Session(Answer):
    """A connected widget."""

    id: Uuid
    visitor_id: Uuid
    key_id: KeyUuid | None = Field(description="The key that vouches for it; null if anonymous.")
    node: str | None = Field(
        description="The gateway node that holds its socket; null for roles that list no sessions."
    )
    connected_at: WireTime

    @classmethod
    def of(cls, session: LiveSession, *, locate: bool = True) -> "Session":
        """The session as it is shown to those who may know its node, or may not."""
        return cls(
            id=session.id,
            visitor_id=session.visitor_id,
            key_id=session.key_id,
            node=session.node_id if locate else None,
            connected_at=session.connected_at,
        )


class SessionList(Answer):
    """Live sessions, latest connected first."""

    items: list[Session]
    next_cursor: str | None


@router.get(
    "/projects/{project_id}/sessions",
    name=Action.SESSIONS_LIST,
    responses=refusals(400, 404, 422),
)
def list_sessions(project_id: ProjectPath, page: SessionPage, runtime: RuntimeOf) -> SessionList:
    """The project's live sessions."""
    found = list_newest_sessions(runtime.stores, project_id, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda session: session.id)
    return SessionList(items=[Session.of(item) for item in items], next_cursor=next_cursor)
