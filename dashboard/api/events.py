"""The outbox as a feed."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from dashboard.authorisation import GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, Object, ProjectPath, Uuid, WireTime
from domain.events import EventKind, OutboxEvent
from domain.permissions import Action
from services.event_feed import read_events

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["events"])

EventPage = Annotated[Page, Depends(page_of("events"))]


class Event(Answer):
    """Something that happened."""

    id: Uuid
    kind: EventKind
    created_at: WireTime
    payload: Object = Field(description="Ids of what it concerns; nothing secret or personal.")

    @classmethod
    def of(cls, event: OutboxEvent) -> "Event":
        """The event as it is shown."""
        return cls(
            id=event.event_id,
            kind=event.kind,
            created_at=event.created_at,
            payload=event.payload,
        )


class EventList(Answer):
    """Events, oldest first, a month back."""

    items: list[Event]
    next_cursor: str | None
    resume_cursor: str | None = Field(
        description="Leads to what happens from here on; null only before the very first event."
    )


@router.get(
    "/projects/{project_id}/events",
    name=Action.EVENTS_LIST,
    responses=refusals(400, 404, 422),
)
def list_events(project_id: ProjectPath, page: EventPage, runtime: RuntimeOf) -> EventList:
    """The project's events in order; whoever reads on by `resume_cursor` misses none."""
    found = read_events(runtime.stores, project_id, limit=page.ahead, after=page.after)
    items, next_cursor = page.cut(found, lambda event: event.event_id)
    last = items[-1].event_id if items else page.after
    return EventList(
        items=[Event.of(item) for item in items],
        next_cursor=next_cursor,
        resume_cursor=page.cursor_to(last) if last else None,
    )
