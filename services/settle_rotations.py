"""Receipts: what became of the sessions of a revoked secret, completed in every case."""

from dataclasses import dataclass
from functools import partial

from domain.events import EventKind
from domain.ids import NodeId, ProjectId, RotationId
from domain.rotations import (
    NodeCounts,
    Rotation,
    RotationState,
    SessionCounts,
    is_settled,
    larger,
    tally,
)
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import leases, receipts
from storage.sql import outbox, projects, rotations

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Receipt:
    """The figures so far; settled when every node that was asked has answered or is dead."""

    sessions: SessionCounts
    nodes: NodeCounts
    settled: bool


def gather_receipt(stores: Stores, project_id: ProjectId, rotation_id: RotationId) -> Receipt:
    """The figures as Redis has them now.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    state = receipts.read(stores.redis, project_id, rotation_id)
    living = leases.list_nodes(stores.redis)
    asked = {NodeId(node): living.get(node, False) for node in state.asked}
    sessions, nodes = tally(state.targeted, asked, state.closed)
    return Receipt(sessions, nodes, settled=is_settled(asked, state.closed))


def store_receipt(
    transaction: Transaction, project_id: ProjectId, rotation_id: RotationId, receipt: Receipt
) -> None:
    """SQL holds these figures (never fewer than before); a settled rotation is completed."""
    before = rotations.get_rotation(transaction.db, project_id, rotation_id)
    sessions = larger(before.sessions, receipt.sessions)
    nodes = receipt.nodes if receipt.nodes.asked >= before.nodes.asked else before.nodes
    stored = rotations.store_receipt(
        transaction.db,
        rotation_id,
        sessions,
        nodes,
        completed_at=transaction.now if receipt.settled else None,
    )
    if stored and receipt.settled:
        transaction.announce(
            EventKind.SESSIONS_CLOSED,
            project_id,
            {
                "rotation_id": rotation_id,
                "targeted": sessions.targeted,
                "closed": sessions.closed,
                "gone": sessions.gone,
            },
        )


def settle_rotations(stores: Stores, project_id: ProjectId | None = None) -> int:
    """Late answers and expired leases have found their way into the receipts.

    A rotation whose revocation was not carried out yet is left to the outbox relay.

    Returns:
        How many rotations were looked at.
    """
    with stores.database.reading() as db:
        cutting = rotations.list_rotations_in(
            db, [RotationState.CUTTING], limit=AT_ONCE, project_id=project_id
        )
        undone = outbox.list_undone_of(db, {rotation.project_id for rotation in cutting})
    waiting = {event.payload.get("rotation_id") for event in undone}
    ready = [rotation for rotation in cutting if rotation.id not in waiting]
    for rotation in ready:
        receipt = gather_receipt(stores, rotation.project_id, rotation.id)
        stores.transactor.run(partial(_store, rotation=rotation, receipt=receipt))
    return len(ready)


def _store(transaction: Transaction, *, rotation: Rotation, receipt: Receipt) -> None:
    projects.lock_project(transaction.db, rotation.project_id)
    store_receipt(transaction, rotation.project_id, rotation.id, receipt)
