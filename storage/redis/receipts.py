"""The receipt of a running revocation: what was dropped, who was asked, who has closed how many."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.ids import NodeId, ProjectId, RotationId
from storage.redis import keys, scripts
from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import Command, ask, ask_all, run_async

_TARGETED = "targeted"
_OPENED = "opened"
_AFTER_LOSS = "after_loss"
_ASKED = "asked:"
_CLOSED = "closed:"

WAIT_STEP_SECONDS = 1.0
"""A blocking read must end before the connection's own timeout does."""


@dataclass(frozen=True, slots=True)
class ReceiptState:
    """The figures so far.

    `is_open` is False where Redis knows of no such receipt: never opened, or lost. `targeted`
    counts the sessions dropped in Redis; `closed` the sockets that each node that has answered
    closed for it, which may be nodes that were not asked. `age_seconds` is since when Redis knows
    of it, by Redis' clock; `after_loss` that it had lost what it knew then, maybe its nodes too.
    """

    targeted: int
    asked: frozenset[NodeId]
    closed: dict[NodeId, int]
    is_open: bool = True
    age_seconds: int = field(default=0, compare=False)
    after_loss: bool = False


def open_receipt(
    client: Redis,
    project_id: ProjectId,
    rotation_id: RotationId,
    nodes: Iterable[NodeId],
    *,
    after_loss: bool = False,
) -> None:
    """The receipt waits for these nodes too; what it holds already stays. It stands for a day."""
    key = keys.receipt(project_id, rotation_id)
    now, _ = ask(client, "TIME")
    asked: list[Command] = [("HSET", key, _ASKED + node, 1) for node in nodes]
    begin: list[Command] = [("HSETNX", key, _OPENED, now), ("HSETNX", key, _TARGETED, 0)]
    if after_loss:
        begin.append(("HSET", key, _AFTER_LOSS, 1))
    ask_all(client, [*begin, *asked, ("EXPIRE", key, keys.RECEIPT_SECONDS)])


def read(client: Redis, project_id: ProjectId, rotation_id: RotationId) -> ReceiptState:
    """The figures as they stand; all empty if there is no such receipt."""
    questions: list[Command] = [("HGETALL", keys.receipt(project_id, rotation_id)), ("TIME",)]
    stored, (now, _) = ask_all(client, questions)
    fields = {name.decode(): int(value) for name, value in stored.items()}
    closed: Counter[NodeId] = Counter()
    for name, count in fields.items():
        if name.startswith(_CLOSED):
            closed[NodeId(name[len(_CLOSED) :].rsplit(":", 1)[0])] += count
    return ReceiptState(
        targeted=fields.get(_TARGETED, 0),
        asked=frozenset(NodeId(name[len(_ASKED) :]) for name in fields if name.startswith(_ASKED)),
        closed=dict(closed),
        is_open=_OPENED in fields,
        age_seconds=int(now) - fields.get(_OPENED, 0),
        after_loss=_AFTER_LOSS in fields,
    )


def wait_for_answer(
    client: Redis, project_id: ProjectId, rotation_id: RotationId, timeout_seconds: float
) -> bool:
    """Whether an answer came, or had come unheard; waits no longer than that."""
    deadline = time.monotonic() + timeout_seconds
    while (left := deadline - time.monotonic()) > 0:
        wait = max(0.01, min(left, WAIT_STEP_SECONDS))
        if ask(client, "BLPOP", keys.bell(project_id, rotation_id), f"{wait:.3f}"):
            return True
    return False


async def answer(
    client: AsyncRedis,
    project_id: ProjectId,
    rotation_id: RotationId,
    node_id: NodeId,
    closed: int,
    answer_id: str,
) -> None:
    """The node has answered: so many sockets closed, beside those of its other answers.

    By maximum, so idempotent and in any order.

    Args:
        answer_id: names this answer of the node's; text that it used for no other.

    Raises:
        StorageUnavailable: Redis did not say whether it has counted them.
    """
    await run_async(
        client,
        scripts.ANSWER_RECEIPT,
        [keys.receipt(project_id, rotation_id), keys.bell(project_id, rotation_id)],
        [
            f"{_CLOSED}{node_id}:{answer_id}",
            closed,
            keys.RECEIPT_SECONDS,
            keys.BELL_SECONDS,
            node_id,
        ],
    )
