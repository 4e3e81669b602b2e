"""Telling receipts how many sockets this node has closed; nobody waits for that."""

import asyncio

import structlog

from domain.ids import NodeId
from gateway.project_rooms import Answer, ProjectRoom
from gateway.revocations import Revocations
from gateway.steps import Reached, Step
from storage.redis import receipts
from storage.redis.client import AsyncRedis

log = structlog.get_logger(__name__)


class ReceiptAnswers:
    """Gives each answer by itself, and tells `Revocations` whether it was taken."""

    def __init__(self, client: AsyncRedis, node_id: NodeId, reached: Reached) -> None:
        self._client = client
        self._node_id = node_id
        self._reached = reached
        self._under_way: set[asyncio.Task[None]] = set()

    def give(self, revocations: Revocations, room: ProjectRoom, owed: Answer) -> None:
        """The answer is on its way, as it is now."""
        task = asyncio.get_running_loop().create_task(self._give(revocations, room, owed))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def drain(self) -> None:
        """None is on its way."""
        await asyncio.gather(*self._under_way)

    async def _give(self, revocations: Revocations, room: ProjectRoom, owed: Answer) -> None:
        self._reached(Step.REVOKED_CLOSED)
        closed = owed.closed
        ids = (room.project_id, owed.rotation_id, self._node_id)
        try:
            await receipts.answer(self._client, *ids, closed, owed.answer_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next sweep gives it again
            failure = type(error).__name__
            log.warning("receipt_not_answered", rotation_id=owed.rotation_id, error=failure)
            revocations.not_answered(owed)
        else:
            revocations.answered(room, owed, closed)
