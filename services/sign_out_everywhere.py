"""Signing a person out everywhere, and carrying that out once SQL has committed it."""

from dataclasses import dataclass

import structlog
from sqlalchemy.engine import Connection

from domain.errors import Conflict
from domain.events import EventKind, OutboxEvent
from domain.ids import EventId, ProjectId, VisitorId
from domain.roles import Actor
from services.publish_cards import publish_card
from services.revoke_tokens import EventUnconfirmed
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import ended_devices, leases, persons, signals
from storage.redis.persons import MERGE_UNDONE, SIGNED_OUT, PersonEpoch
from storage.sql import outbox, projects, signing_out, visitors

log = structlog.get_logger(__name__)

_REASON_OF = {EventKind.VISITOR_SIGNED_OUT: SIGNED_OUT, EventKind.MERGE_UNDONE: MERGE_UNDONE}
_MOST_DEVICES = 1_000


class VisitorAnonymous(Conflict):
    """This visitor never signed in, so there is nothing to sign out of."""

    code = "visitor_anonymous"


@dataclass(frozen=True, slots=True)
class SignedOutEverywhere:
    """The living person, their new epoch, and how many devices were open until now."""

    visitor_id: VisitorId
    person_epoch: int
    devices_ended: int


def sign_out_everywhere(
    transaction: Transaction, project_id: ProjectId, visitor_id: VisitorId, actor: Actor
) -> SignedOutEverywhere:
    """No session, device or token that the person has until now is worth anything.

    Epoch, `not_before`, ended devices, event and audit line are one commit. An absorbed record's
    id leads to the person that absorbed it.

    Raises:
        ProjectNotFound, VisitorNotFound: there is none.
        VisitorAnonymous: the visitor is nobody yet.
    """
    projects.lock_project(transaction.db, project_id)
    person = visitors.get_visitor(transaction.db, project_id, visitor_id)
    if person.custom_id is None:
        raise VisitorAnonymous
    projects.note_change(transaction.db, project_id, transaction.now)
    epoch = signing_out.raise_person_epoch(
        transaction.db, person.id, transaction.now, supersede_tokens=True
    )
    ended = signing_out.end_devices_of(transaction.db, [person.id], transaction.now)
    transaction.announce(
        EventKind.VISITOR_SIGNED_OUT,
        project_id,
        {"visitor_id": person.id, "person_epoch": epoch, "everywhere": True},
    )
    transaction.audit(actor, "visitor.signed_out", project_id, {"visitor_id": person.id})
    return SignedOutEverywhere(person.id, epoch, len(ended))


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
        event = _confirm(db, event_id, project_id, visitor_id)
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


def _confirm(
    db: Connection, event_id: EventId, project_id: ProjectId, visitor_id: VisitorId
) -> OutboxEvent:
    """The event as SQL has it; a message only says where to look.

    Raises:
        EventUnconfirmed: the outbox holds no such event.
    """
    event = outbox.find_event(db, event_id)
    if (
        event is None
        or event.kind not in _REASON_OF
        or event.project_id != project_id
        or event.payload.get("visitor_id") != visitor_id
        or "person_epoch" not in event.payload
    ):
        raise EventUnconfirmed
    return event


def _visitors_of(event: OutboxEvent, visitor_id: VisitorId) -> list[VisitorId]:
    absorbed = event.payload.get("absorbed_id")
    return [visitor_id, *([VisitorId(str(absorbed))] if absorbed else [])]


def _tell_nodes(stores: Stores, project_id: ProjectId, raised: PersonEpoch) -> int:
    nodes = [node for node, alive in leases.list_nodes(stores.redis).items() if alive]
    signal = {
        "type": "sign_out",
        "project_id": project_id,
        "visitor_id": raised.visitor_id,
        "epoch": raised.epoch,
        "reason": raised.reason,
    }
    signals.send_many(stores.redis, [(node, signal) for node in nodes])
    return len(nodes)
