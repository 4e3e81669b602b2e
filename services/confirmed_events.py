"""A message only says where to look: whether SQL knows of the event that it names."""

from collections.abc import Collection

from sqlalchemy.engine import Connection

from domain.errors import Refused
from domain.events import EventKind, OutboxEvent
from domain.ids import EventId, ProjectId
from storage.sql import outbox


class EventUnconfirmed(Refused):
    """SQL knows of no such event; nothing was changed."""

    code = "event_unconfirmed"


def confirm_event(
    db: Connection,
    event_id: EventId,
    kinds: Collection[EventKind],
    project_id: ProjectId,
    **said: str,
) -> OutboxEvent:
    """The event as SQL has it.

    Args:
        said: what else the message says, which the event's payload has to say too.

    Raises:
        EventUnconfirmed: the outbox holds no event of these kinds that says so.
    """
    event = outbox.find_event(db, event_id)
    if (
        event is None
        or event.kind not in kinds
        or event.project_id != project_id
        or any(event.payload.get(name) != text for name, text in said.items())
    ):
        raise EventUnconfirmed
    return event
