"""Receipts: what became of the sessions of a revoked secret, completed in every case."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from domain.errors import ProjectBusy
from domain.events import EventKind
from domain.ids import NodeId, ProjectId, RotationId
from domain.receipts import Answers, count_nodes, count_sessions, join_answers
from domain.rotations import Rotation, RotationState
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import leases, receipts, signals
from storage.sql import outbox, projects, rotations, signing_secrets
from storage.sql.engine import now_of

log = structlog.get_logger(__name__)

AT_ONCE = 200
# A socket that was being bound during the cut is closed a moment later and still counts.
COUNTED_AFTERWARDS = timedelta(minutes=1)
# By then every living node has renewed its lease in a Redis that had lost it.
RETURN_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Revocation:
    """What SQL says was revoked: the project's generations from `since` to below `epoch`.

    `answers` is what SQL knows of the nodes that were asked; Redis may have lost it.
    """

    project_id: ProjectId
    rotation_id: RotationId
    since: int
    epoch: int
    answers: Answers


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known so far; settled when every node that was asked has answered or is dead.

    `all_asked` is false where a living node was not: it is new, or Redis had lost it.
    """

    targeted: int
    answers: Answers
    expired: frozenset[NodeId]
    settled: bool
    all_asked: bool = True

    def with_asked(self, nodes: Iterable[NodeId]) -> "Receipt":
        """These nodes were asked now."""
        return replace(self, answers=join_answers(self.answers, dict.fromkeys(nodes)))


def revocation_of(db: Connection, rotation: Rotation) -> Revocation:
    """What the rotation's cut revoked: the secrets whose end and whose cut are one commit."""
    secrets = signing_secrets.list_secrets(db, rotation.project_id)
    new = next(s.generation for s in secrets if s.key_id == rotation.new_key_id)
    ended = [s.generation for s in secrets if s.revoked_at == rotation.effective_at]
    since = min(ended, default=new)
    return Revocation(rotation.project_id, rotation.id, since, new, rotation.answers)


def ask_nodes(stores: Stores, revocation: Revocation) -> list[NodeId]:
    """Every living node, returned here, was told to close the dead sessions and to answer.

    A node that is asked again answers again; the receipt counts each close once.
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
    return nodes


def gather_receipt(stores: Stores, revocation: Revocation, asked: Iterable[NodeId] = ()) -> Receipt:
    """What SQL and Redis know now; a receipt that Redis does not know is not settled.

    Args:
        asked: nodes that were asked just now, should Redis lose them meanwhile.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    state = receipts.read(stores.redis, revocation.project_id, revocation.rotation_id)
    living = leases.list_nodes(stores.redis)
    were_asked = dict.fromkeys((*asked, *state.asked))
    answers = join_answers(revocation.answers, join_answers(were_asked, state.closed))
    waiting = {node for node, count in answers.items() if count is None}
    may_return = not state.is_open or 0 <= state.age_seconds < RETURN_SECONDS
    expired = frozenset(node for node in waiting if not living.get(node, may_return))
    return Receipt(
        targeted=state.targeted,
        answers=answers,
        expired=expired,
        settled=state.is_open and waiting == expired,
        all_asked=all(node in state.asked for node, alive in living.items() if alive),
    )


def with_receipt(rotation: Rotation, receipt: Receipt) -> Rotation:
    """The rotation with the figures of both: never fewer than before, and no node is lost."""
    answers = join_answers(rotation.answers, receipt.answers)
    return replace(
        rotation,
        sessions=count_sessions(rotation.sessions, receipt.targeted, answers),
        nodes=count_nodes(answers, {*rotation.nodes.expired, *receipt.expired}),
        answers=answers,
    )


def store_receipt(transaction: Transaction, revocation: Revocation, receipt: Receipt) -> None:
    """SQL holds these figures (never fewer than before); a settled rotation is completed."""
    before = rotations.get_rotation(transaction.db, revocation.project_id, revocation.rotation_id)
    rotation = with_receipt(before, receipt)
    rotations.store_figures(transaction.db, rotation)
    if not receipt.settled or rotation.state is not RotationState.CUTTING:
        return
    rotations.complete(transaction.db, rotation.id, transaction.now)
    transaction.announce(
        EventKind.SESSIONS_CLOSED,
        rotation.project_id,
        {
            "rotation_id": rotation.id,
            "targeted": rotation.sessions.targeted,
            "closed": rotation.sessions.closed,
            "gone": rotation.sessions.gone,
        },
    )


def settle_rotations(stores: Stores, project_id: ProjectId | None = None) -> int:
    """Late answers and expired leases have found their way into the receipts.

    Nodes that did not answer are asked again: the signal may have been lost. So are, for a minute
    after a rotation was completed, nodes that Redis did not know of at the cut, and those of which
    it has lost the answer: it may have forgotten them, not they their sockets.
    A rotation whose revocation was not carried out yet is left to the outbox relay, one whose
    project somebody holds to the next sweep.

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
        _try_to_settle(stores, rotation, revocation)
    return len(ready)


def _try_to_settle(stores: Stores, rotation: Rotation, revocation: Revocation) -> None:
    try:
        _settle(stores, rotation, revocation)
    except ProjectBusy:
        log.warning("receipt_left_to_sweep", project_id=rotation.project_id)


def _settle(stores: Stores, rotation: Rotation, revocation: Revocation) -> None:
    receipt = gather_receipt(stores, revocation)
    if not receipt.settled or not receipt.all_asked:
        asked = ask_nodes(stores, revocation)
        receipt = receipt if receipt.settled else receipt.with_asked(asked)
    is_cutting = rotation.state is RotationState.CUTTING
    tells_more = with_receipt(rotation, receipt) != rotation
    # A completed rotation takes whole figures only: nobody may be there to settle it once more.
    if (is_cutting and (receipt.settled or tells_more)) or (receipt.settled and tells_more):
        stores.transactor.run(partial(_store, revocation=revocation, receipt=receipt))


def _store(transaction: Transaction, *, revocation: Revocation, receipt: Receipt) -> None:
    projects.lock_project(transaction.db, revocation.project_id)
    store_receipt(transaction, revocation, receipt)
