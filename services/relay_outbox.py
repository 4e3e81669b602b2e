"""The relay: events that nobody has carried out yet are sent again until somebody has."""

from collections.abc import Iterable
from datetime import timedelta

import structlog

from domain.errors import ProjectBusy, StorageUnavailable
from domain.events import KINDS_WITH_WORK, EventKind, OutboxEvent
from domain.ids import RotationId, VisitorId
from services.busy_projects import SWEEP_SECONDS
from services.end_sessions import end_sessions
from services.parking import note_failure
from services.revoke_tokens import revoke_tokens
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import outbox

log = structlog.get_logger(__name__)

AT_ONCE = 100
# A revocation older than this is carried out by the relay itself: its workers may be away. With a
# sweep of 5 s that is at most 10 s after the commit.
OWN_HANDS = timedelta(seconds=5)


def relay_outbox(stores: Stores) -> int:
    """Every event that was due again has been sent, or carried out here when it is late.

    Late ones come first: a broker that is away takes seconds to say so of each event that is sent.
    An event whose project somebody holds comes due again, and keeps none of the others.

    Returns:
        How many were due.

    Raises:
        StorageUnavailable: a store does not answer; all of them come due again.
    """
    due, late = stores.transactor.run(_claim)
    try:
        _carry_out_late(stores, late)
    finally:
        stores.transactor.send(due)
    return len(due) + len(late)


def _carry_out_late(stores: Stores, late: Iterable[OutboxEvent]) -> None:
    for event in late:
        try:
            _carry_out_or_note(stores, event)
        except ProjectBusy:  # Redis and the nodes were told first; SQL is by a later sweep
            log.warning("event_left_to_sweep", event_id=event.event_id, kind=event.kind)


def _carry_out_or_note(stores: Stores, event: OutboxEvent) -> None:
    log.warning("event_run_by_relay", event_id=event.event_id, kind=event.kind)
    try:
        _carry_out(stores, event)
    except StorageUnavailable:
        raise  # the others would fare alike, unless only the project is busy
    except Exception as error:  # noqa: BLE001 - one event's fault is not another's
        note_failure(stores, event, error)


def _carry_out(stores: Stores, event: OutboxEvent) -> None:
    if event.kind is EventKind.SECRET_REVOKED:
        rotation_id = RotationId(str(event.payload["rotation_id"]))
        revoke_tokens(
            stores, event.event_id, event.project_id, rotation_id, lock_seconds=SWEEP_SECONDS
        )
    else:
        visitor_id = VisitorId(str(event.payload["visitor_id"]))
        end_sessions(stores, event.event_id, event.project_id, visitor_id)


def _claim(transaction: Transaction) -> tuple[list[OutboxEvent], list[OutboxEvent]]:
    events = outbox.claim_undone(transaction.db, transaction.now, AT_ONCE)
    before = transaction.now - OWN_HANDS
    late = [e for e in events if e.kind in KINDS_WITH_WORK and e.created_at < before]
    return [e for e in events if e not in late], late
