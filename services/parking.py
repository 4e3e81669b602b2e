"""Parking what cannot be carried out, and taking it up again (decision 0009)."""

from dataclasses import replace
from datetime import timedelta

import structlog

from domain.errors import Conflict, NotFound
from domain.events import OutboxEvent
from domain.ids import EventId
from domain.json_values import JsonObject
from domain.roles import WORKER, Actor
from services.faults import told
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import outbox, parking

log = structlog.get_logger(__name__)

# A revocation is repeated for as long as a store is away, which counts as no failure at all. What
# fails in any other way fails every few seconds: this often and for this long is no passing fault.
FAILURES = 20
FAILING_FOR = timedelta(minutes=10)

MESSAGES_KEPT = timedelta(days=30)


class EventNotFound(NotFound):
    """There is no such event; those that are done are kept for a month."""

    code = "event_not_found"


class EventWithoutWork(Conflict):
    """This event was done by being written: there is nothing to carry out."""

    code = "event_without_work"


class ParkedMessageNotFound(NotFound):
    """No such message is parked."""

    code = "message_not_found"


def note_failure(stores: Stores, event: OutboxEvent, error: Exception) -> None:
    """The failure is noted; an event that has failed often and for long is parked, and says so.

    Args:
        stores: where the event is.
        event: could not be carried out.
        error: why, which is no store's being away.
    """
    because = type(error).__name__
    log.error("event_not_carried_out", event_id=event.event_id, kind=event.kind, **told(error))

    def use_case(transaction: Transaction) -> bool:
        failing = parking.note_failure(transaction.db, event.event_id, transaction.now)
        is_hopeless = failing.failures >= FAILURES and (
            transaction.now - failing.since >= FAILING_FOR
        )
        if not is_hopeless:
            return False
        if not parking.park_event(transaction.db, event.event_id, because, transaction.now):
            return False
        _audit(transaction, WORKER, "event.parked", event)
        return True

    if stores.transactor.run(use_case):
        log.error("event_parked", event_id=event.event_id, kind=event.kind, because=because)


def replay_event(stores: Stores, event_id: EventId, actor: Actor) -> OutboxEvent:
    """The event is on its way to be carried out, once more if it was; it is parked no longer.

    It is undone until somebody has, so the relay repeats it; a second time changes nothing.

    Raises:
        EventNotFound: there is none.
        EventWithoutWork: there is nothing to carry out.
    """

    def use_case(transaction: Transaction) -> OutboxEvent:
        event = outbox.find_event(transaction.db, event_id)
        if event is None:
            raise EventNotFound
        if not event.has_work:
            raise EventWithoutWork
        parking.release_event(transaction.db, event_id, transaction.now + outbox.FIRST_RETRY)
        _audit(transaction, actor, "event.replayed", event)
        transaction.announced.append(event)
        return replace(event, done_at=None, parked_at=None, parked_because=None)

    return stores.transactor.run(use_case, urgent=True)


def dismiss_messages(stores: Stores, message_id: str | None, actor: Actor) -> int:
    """The parked message, or every one, is listed no longer and causes no alarm.

    Returns:
        How many were listed.

    Raises:
        ParkedMessageNotFound: one is asked for, and there is none.
    """

    def use_case(transaction: Transaction) -> int:
        dismissed = parking.dismiss_messages(transaction.db, message_id)
        if message_id and not dismissed:
            raise ParkedMessageNotFound
        details: JsonObject = {"message_id": message_id, "dismissed": dismissed}
        transaction.audit(actor, "messages.dismissed", None, details)
        return dismissed

    return stores.transactor.run(use_case, urgent=True)


def erase_parked_messages(stores: Stores) -> int:
    """No message is listed that was parked more than a month ago; returns how many were."""
    return stores.transactor.run(lambda t: parking.erase_messages(t.db, t.now, MESSAGES_KEPT))


def _audit(transaction: Transaction, actor: Actor, action: str, event: OutboxEvent) -> None:
    details = {"event_id": event.event_id, "kind": event.kind.value}
    transaction.audit(actor, action, event.project_id, {**details})
