"""Carrying out a revocation that SQL has committed: Redis follows, nodes hurry, a receipt says."""

import time

import structlog

from domain.events import EventKind
from domain.ids import EventId, NodeId, ProjectId, RotationId
from services.confirmed_events import confirm_event
from services.halting import halt_if_behind
from services.publish_cards import publish_card
from services.receipts import (
    Receipt,
    Revocation,
    ask_nodes,
    gather_receipt,
    revocation_of,
    store_receipt,
)
from services.steps import Step
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import publications, receipts, sessions
from storage.sql import outbox, projects, rotations

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 0.5
LOCK_SECONDS = 5.0
_KINDS = (EventKind.SECRET_REVOKED,)


def revoke_tokens(
    stores: Stores,
    event_id: EventId,
    project_id: ProjectId,
    rotation_id: RotationId,
    *,
    lock_seconds: float = LOCK_SECONDS,
) -> None:
    """The revocation of this event has been carried out, and its receipt noted so far.

    Where Redis had lost the project the event stays undone: the nodes, whose leases were lost too,
    are asked again by the relay.

    Args:
        stores: Redis refuses and the nodes are told before SQL is waited for.
        event_id: the revocation's.
        project_id: whose secrets were revoked.
        rotation_id: what revoked them.
        lock_seconds: how long the project is waited for by whoever comes again anyway.

    Raises:
        ProjectBusy: somebody holds the project: its event stays undone, everything else is done.
        EventUnconfirmed: SQL knows of no such revocation.
        StorageUnavailable: a store does not answer; the event stays undone and is repeated.
    """
    with stores.database.reading() as db:
        confirm_event(db, event_id, _KINDS, project_id, rotation_id=rotation_id)
        revocation = revocation_of(db, rotations.get_rotation(db, project_id, rotation_id))
    asked = _carry_out(stores, revocation, lock_seconds)
    if asked is None:
        log.warning("revocation_repeated_after_loss", rotation_id=rotation_id)
        return
    _await_answers(stores, revocation)
    receipt = gather_receipt(stores, revocation, asked)
    stores.transactor.reached(Step.RECEIPT_GATHERED)
    stores.transactor.run_for_project(
        project_id,
        lambda transaction: _finish(transaction, event_id, revocation, receipt),
        urgent=True,
        lock_seconds=lock_seconds,
    )


def _carry_out(stores: Stores, revocation: Revocation, lock_seconds: float) -> list[NodeId] | None:
    """Redis refuses the dead generations, every live node has been told, their records are gone.

    Safe to repeat at any step (decision 0003): the epoch rises by maximum, nodes answer for a
    rotation, records are dropped by name. Only then may somebody's lock be waited for.

    Returns:
        The nodes that were told; None where Redis had lost the project, and maybe who they are.

    Raises:
        StorageUnavailable: Redis does not answer; the event stays undone and is repeated.
    """
    project_id, epoch = revocation.project_id, revocation.epoch
    stands = publications.raise_epoch(stores.redis, project_id, epoch)
    was_known = stands is not None
    if stands is None:
        publish_card(stores, project_id)
    stores.transactor.reached(Step.EPOCH_RAISED)
    asked = ask_nodes(stores, revocation, after_loss=not was_known)
    stores.transactor.reached(Step.NODES_ASKED)
    dropped = sessions.drop_generations(
        stores.redis, project_id, epoch, revocation.rotation_id, since=revocation.since
    )
    stores.transactor.reached(Step.SESSIONS_DROPPED)
    if stands is not None and stands > epoch:  # revoked further since; or SQL has lost that
        halt_if_behind(stores, project_id, lock_seconds)
    log.info(
        "revocation_carried_out",
        project_id=project_id,
        rotation_id=revocation.rotation_id,
        epoch=epoch,
        nodes=len(asked),
        sessions=dropped,
    )
    return asked if was_known else None


def _await_answers(stores: Stores, revocation: Revocation) -> None:
    """The nodes have answered, or half a second has passed; later answers are settled later."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        state = receipts.read(stores.redis, revocation.project_id, revocation.rotation_id)
        if all(node in state.closed for node in state.asked):
            return
        receipts.wait_for_answer(stores.redis, revocation.project_id, revocation.rotation_id, left)


def _finish(
    transaction: Transaction, event_id: EventId, revocation: Revocation, receipt: Receipt
) -> None:
    """The event is done, and the receipt so far stands in SQL."""
    projects.lock_project(transaction.db, revocation.project_id)
    outbox.mark_done(transaction.db, event_id, transaction.now)
    store_receipt(transaction, revocation, receipt)
