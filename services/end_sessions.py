"""Carrying out that a person was signed out everywhere, or a merge undone, as SQL committed it."""

import structlog

from domain.events import EventKind, OutboxEvent
from domain.ids import EventId, ProjectId, VisitorId
from services.confirmed_events import EventUnconfirmed, confirm_event
from services.publish_cards import publish_card
from services.stores import Stores
from storage.redis import ended_devices, leases, persons, signals
from storage.redis.persons import MERGE_UNDONE, SIGNED_OUT, PersonEpoch
from storage.sql import outbox, signing_out, visitors

log = structlog.get_logger(__name__)

_REASON_OF = {EventKind.VISITOR_SIGNED_OUT: SIGNED_OUT, EventKind.MERGE_UNDONE: MERGE_UNDONE}
_MOST_DEVICES = 1_000


def end_sessions(
    stores: Stores, event_id: EventId, project_id: ProjectId, visitor_id: VisitorId
) -> None:
    """The event's person has no session on any node that lives; a second time changes nothing.

    Redis refuses their earlier sessions before any node is told (decision 0003), so one that
    binds meanwhile is refused, and a node that hears nothing finds it at its next sweep.

    Raises:
        EventUnconfirmed: SQL knows of no such event.
        StorageUnavailable: a store does not answer; the event stays undone and is repeated.
    """
    with stores.database.reading() as db:
        event = confirm_event(db, event_id, _REASON_OF, project_id, visitor_id=visitor_id)
        if "person_epoch" not in event.payload:
            raise EventUnconfirmed
        epoch = visitors.get_visitor(db, project_id, visitor_id).person_epoch
        devices = signing_out.list_ended_devices(
            db, _visitors_of(event, visitor_id), event.created_at, _MOST_DEVICES
        )
    raised = PersonEpoch(visitor_id, epoch, _REASON_OF[event.kind])
    # First: whoever is closed, be it by a node's sweep, may come back at once with such a device.
    ended_devices.note_ended(stores.redis, [(project_id, device) for device in devices])
    if not persons.raise_persons(stores.redis, project_id, [raised]):
        publish_card(stores, project_id)
    nodes = _tell_nodes(stores, project_id, raised)
    stores.transactor.run(lambda t: outbox.mark_done(t.db, event_id, t.now), urgent=True)
    log.info("sessions_signed_out", project_id=project_id, visitor_id=visitor_id, nodes=nodes)


def _visitors_of(event: OutboxEvent, visitor_id: VisitorId) -> list[VisitorId]:
    absorbed = event.payload.get("absorbed_id")
    return [visitor_id, *([VisitorId(str(absorbed))] if absorbed else [])]


def _tell_nodes(stores: Stores, project_id: ProjectId, raised: PersonEpoch) -> int:
    nodes = leases.list_living(stores.redis)
    signal = {
        "type": "sign_out",
        "project_id": project_id,
        "visitor_id": raised.visitor_id,
        "epoch": raised.epoch,
        "reason": raised.reason,
    }
    signals.send_to_all(stores.redis, nodes, signal)
    return len(nodes)
