"""A Redis that took over from another may be a stale copy: what it holds of this node is put right.

It may lack records that were written since it was cut off, and hold some that had gone. Epochs and
cards are the workers' business, and the sweeps'.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import structlog

from domain.errors import StorageUnavailable
from domain.ids import ProjectId, SessionId
from gateway.context import NodeContext
from storage.redis.buckets import Bucket
from storage.redis.client import ServerIdentity

log = structlog.get_logger(__name__)

SECOND_LOOK_SECONDS = 5.0
"""Longer than Redis takes for an answer: a record is written before its session knows of it."""

RETRY_SECONDS = 1.0

Record: TypeAlias = tuple[ProjectId, SessionId, Bucket]


class StaleCopies:
    """Looks who serves whenever signals may have been missed.

    Args:
        node: whose records they are.
        identify: says which server answers now, and which history it has.
        list_own: every record that Redis has of this node.
        rewrite_all: has the records of all live sessions written anew.
    """

    def __init__(
        self,
        node: NodeContext,
        identify: Callable[[], Awaitable[ServerIdentity]],
        list_own: Callable[[], AsyncIterator[Record]],
        rewrite_all: Callable[[], None],
    ) -> None:
        self._node = node
        self._identify = identify
        self._list_own = list_own
        self._rewrite_all = rewrite_all
        self._known: ServerIdentity | None = None
        self._wanted = asyncio.Event()

    def look_soon(self) -> None:
        """The connection was another's a moment ago: the server may be, too."""
        self._wanted.set()

    async def keep(self) -> None:
        """Looks until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._look()
            except StorageUnavailable:
                self._wanted.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _look(self) -> None:
        serves = await self._identify()
        if self._known not in {None, serves}:
            log.warning("another_redis_serves", node_id=self._node.node_id)
            self._rewrite_all()
            await self._forget_leftovers()
        self._known = serves

    async def _forget_leftovers(self) -> None:
        """No record is left that was no live session's at either of two looks."""
        suspects = await self._list_unheld()
        if not suspects:
            return
        await asyncio.sleep(SECOND_LOOK_SECONDS)
        leftovers = suspects & await self._list_unheld()
        for project_id, session_id, bucket in leftovers:
            self._node.records.forget(project_id, session_id, bucket)
        log.info("stale_records_forgotten", node_id=self._node.node_id, records=len(leftovers))

    async def _list_unheld(self) -> set[Record]:
        return {record async for record in self._list_own() if not self._is_held(record)}

    def _is_held(self, record: Record) -> bool:
        _, session_id, bucket = record
        session = self._node.by_id.get(session_id)
        return session is not None and session.bucket == bucket
