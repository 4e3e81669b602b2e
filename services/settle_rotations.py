"""Receipts: what became of the sessions of a revoked secret, completed in every case."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy.engine import Connection

from domain.events import EventKind
from domain.ids import NodeId, ProjectId, RotationId
from domain.rotations import (
    NodeCounts,
    Rotation,
    RotationState,
    SessionCounts,
    fuller,
    is_settled,
    larger,
    tally,
)
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import leases, receipts, signals
from storage.sql import outbox, projects, rotations, signing_secrets
from storage.sql.engine import now_of

AT_ONCE = 200
# A socket that was being bound during the cut is closed a moment later and still counts.
COUNTED_AFTERWARDS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Revocation:
    """What SQL says was revoked: the project's generations from `since` to below `epoch`."""

    project_id: ProjectId
    rotation_id: RotationId
    since: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The figures so far; settled when every node that was asked has answered or is dead.

    `all_asked` is false where a living node was not: it is new, or Redis had lost it.
    """

    sessions: SessionCounts
    nodes: NodeCounts
    settled: bool
    all_asked: bool = True


def revocation_of(db: Connection, rotation: Rotation) -> Revocation:
    """What the rotation's cut revoked: the secrets whose end and whose cut are one commit."""
    secrets = signing_secrets.list_secrets(db, rotation.project_id)
    new = next(s.generation for s in secrets if s.key_id == rotation.new_key_id)
    ended = [s.generation for s in secrets if s.revoked_at == rotation.effective_at]
    return Revocation(rotation.project_id, rotation.id, since=min(ended, default=new), epoch=new)


def ask_nodes(stores: Stores, revocation: Revocation) -> int:
    """Every living node has been told to close the dead sessions and to answer the receipt.

    A node that is asked again answers again; the receipt counts each close once.

    Returns:
        How many nodes there are.
    """
    nodes = [node for node, alive in leases.list_nodes(stores.redis).items() if alive]
    receipts.open_receipt(stores.redis, revocation.project_id, revocation.rotation_id, nodes)
    signal = {
        "type": "revoke",
        "project_id": revocation.project_id,
        "since": revocation.since,
        "epoch": revocation.epoch,
        "rotation_id": revocation.rotation_id,
    }
    signals.send_many(stores.redis, [(node, signal) for node in nodes])
    return len(nodes)


def gather_receipt(stores: Stores, revocation: Revocation) -> Receipt:
    """The figures as Redis has them now; a receipt that Redis does not know is not settled.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    state = receipts.read(stores.redis, revocation.project_id, revocation.rotation_id)
    living = leases.list_nodes(stores.redis)
    asked = {NodeId(node): living.get(node, False) for node in state.asked}
    sessions, nodes = tally(state.targeted, asked, state.closed)
    settled = state.is_open and is_settled(asked, state.closed)
    all_asked = all(node in asked for node, alive in living.items() if alive)
    return Receipt(sessions, nodes, settled=settled, all_asked=all_asked)


def store_receipt(transaction: Transaction, revocation: Revocation, receipt: Receipt) -> None:
    """SQL holds these figures (never fewer than before); a settled rotation is completed."""
    before = rotations.get_rotation(transaction.db, revocation.project_id, revocation.rotation_id)
    sessions = larger(before.sessions, receipt.sessions)
    nodes = fuller(before.nodes, receipt.nodes)
    rotations.store_figures(transaction.db, revocation.rotation_id, sessions, nodes)
    if not receipt.settled or before.state is not RotationState.CUTTING:
        return
    rotations.complete(transaction.db, revocation.rotation_id, transaction.now)
    transaction.announce(
        EventKind.SESSIONS_CLOSED,
        revocation.project_id,
        {
            "rotation_id": revocation.rotation_id,
            "targeted": sessions.targeted,
            "closed": sessions.closed,
            "gone": sessions.gone,
        },
    )


def settle_rotations(stores: Stores, project_id: ProjectId | None = None) -> int:
    """Late answers and expired leases have found their way into the receipts.

    Nodes that did not answer are asked again: the signal may have been lost. So are, for a minute
    after a rotation was completed, nodes that Redis did not know of at the cut, and those of which
    it has lost the answer: it may have forgotten them, not they their sockets.
    A rotation whose revocation was not carried out yet is left to the outbox relay.

    Returns:
        How many rotations were looked at.
    """
    with stores.database.reading() as db:
        since = now_of(db) - COUNTED_AFTERWARDS
        open_ones = rotations.list_unsettled(db, since, limit=AT_ONCE, project_id=project_id)
        undone = outbox.list_undone_of(db, {rotation.project_id for rotation in open_ones})
        waiting = {event.payload.get("rotation_id") for event in undone}
        ready = [(r, revocation_of(db, r)) for r in open_ones if r.id not in waiting]
    for rotation, revocation in ready:
        _settle(stores, rotation, revocation)
    return len(ready)


def _settle(stores: Stores, rotation: Rotation, revocation: Revocation) -> None:
    receipt = gather_receipt(stores, revocation)
    is_waiting = not receipt.settled
    if is_waiting or not receipt.all_asked:
        ask_nodes(stores, revocation)
    if receipt.settled or receipt.sessions != rotation.sessions:
        stores.transactor.run(partial(_store, revocation=revocation, receipt=receipt))


def _store(transaction: Transaction, *, revocation: Revocation, receipt: Receipt) -> None:
    projects.lock_project(transaction.db, revocation.project_id)
    store_receipt(transaction, revocation, receipt)
