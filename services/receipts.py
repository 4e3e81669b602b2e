"""The receipt of a revocation: asking the nodes, gathering what they say, keeping it in SQL."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from domain.events import EventKind
from domain.ids import NodeId, ProjectId, RotationId
from domain.receipts import Answers, count_nodes, count_sessions, join_answers
from domain.rotations import Rotation, RotationState
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import leases, receipts, signals
from storage.sql import rotations, signing_secrets

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

    `all_asked` is false where a living node was not: it is new, or Redis had lost it. `is_lost` is
    true where Redis knows nothing of the receipt.
    """

    targeted: int
    answers: Answers
    expired: frozenset[NodeId]
    settled: bool
    all_asked: bool = True
    is_lost: bool = False

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


def ask_nodes(stores: Stores, revocation: Revocation, *, after_loss: bool = False) -> list[NodeId]:
    """Every living node, returned here, was told to close the dead sessions and to answer.

    A node that is asked again answers again; the receipt counts each close once.

    Args:
        after_loss: Redis has lost what it knew, and maybe nodes that are alive; the receipt is not
            settled before they have had the time to return.
    """
    nodes = leases.list_living(stores.redis)
    receipts.open_receipt(
        stores.redis,
        revocation.project_id,
        revocation.rotation_id,
        nodes,
        after_loss=after_loss,
    )
    signals.send_to_all(stores.redis, nodes, _signal(revocation))
    return nodes


def _signal(revocation: Revocation) -> dict[str, object]:
    return {
        "type": "revoke",
        "project_id": revocation.project_id,
        "since": revocation.since,
        "epoch": revocation.epoch,
        "rotation_id": revocation.rotation_id,
    }


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
    is_young = 0 <= state.age_seconds < RETURN_SECONDS
    may_return = not state.is_open or (state.after_loss and is_young)
    expired = frozenset(node for node in waiting if not (living.get(node) or may_return))
    return Receipt(
        targeted=state.targeted,
        answers=answers,
        expired=expired,
        settled=waiting == expired and not may_return,
        all_asked=all(node in state.asked for node, alive in living.items() if alive),
        is_lost=not state.is_open,
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
