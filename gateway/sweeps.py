"""Comparing everything this node holds with Redis: every few seconds, and after any loss."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import TypeAlias

import structlog

from domain.errors import StorageUnavailable
from domain.ids import ProjectId, VisitorId
from gateway.context import NodeContext
from gateway.person_sign_outs import end_person
from gateway.phases import Phase
from gateway.recordings import Rewriting
from storage.redis.cards import CardVersion
from storage.redis.persons import EndedSessions

log = structlog.get_logger(__name__)

AT_ONCE = 1_000
REWRITTEN_AT_ONCE = 100
IDLE_ROOM_SECONDS = 60.0

ReadPersons: TypeAlias = Callable[
    [ProjectId, Sequence[VisitorId]], Awaitable[Mapping[VisitorId, EndedSessions]]
]
ReadVersions: TypeAlias = Callable[
    [Sequence[ProjectId]], Awaitable[Mapping[ProjectId, CardVersion]]
]


class Sweeps:
    """Raises epochs, reads changed cards again, gives owed answers, writes lost records anew.

    What this node refused meanwhile goes into the projects' figures.

    Args:
        node: what is compared.
        read_versions: reads many versions in one round trip.
        read_persons: reads which of these persons of a project had their sessions ended.
        every_seconds: the longest time between two sweeps.
    """

    def __init__(
        self,
        node: NodeContext,
        read_versions: ReadVersions,
        read_persons: ReadPersons,
        every_seconds: float,
    ) -> None:
        self._node = node
        self._read_epochs = read_versions
        self._read_persons = read_persons
        self.every_seconds = every_seconds
        self._wanted = asyncio.Event()

    def soon(self) -> None:
        """The next sweep begins now, or right after the one under way."""
        self._wanted.set()

    async def keep(self) -> None:
        """Sweeps until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self.every_seconds):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            await self._sweep_safely()

    async def sweep(self) -> None:
        """Everything held has been compared.

        Raises:
            StorageUnavailable: Redis did not answer; what was read until then counts.
        """
        projects = list(self._node.shelf.rooms)
        for start in range(0, len(projects), AT_ONCE):
            versions = await self._read_epochs(projects[start : start + AT_ONCE])
            for project_id, version in versions.items():
                self._compare(project_id, version)
                await self._compare_persons(project_id, version.persons)
        self._give_owed_answers()
        await self._rewrite_records()
        await self._node.refusal_counts.hand_over()
        self._node.shelf.evict_idle(monotonic() - IDLE_ROOM_SECONDS)

    async def _sweep_safely(self) -> None:
        try:
            await self.sweep()
        except StorageUnavailable:
            log.warning("sweep_failed")
        except Exception:
            log.exception("sweep_broken")  # the next one may do better; nothing else compares

    def _compare(self, project_id: ProjectId, version: CardVersion) -> None:
        shelf = self._node.shelf
        room = shelf.rooms.get(project_id)
        if room is None:
            return
        if version.unknown:
            shelf.forget(project_id)
        elif version.epoch is None:
            shelf.is_missing(project_id)
        else:
            self._node.revocations.learn_epoch(room, version.epoch)
            if room.card is None or room.card.revision != version.revision:
                shelf.refresh([project_id])

    async def _compare_persons(self, project_id: ProjectId, newest: bytes | None) -> None:
        """Whoever is held and was signed out is being closed; nothing is read unless some were.

        A bind under way may have been compared before the newest was there, and is not held yet:
        then the next sweep looks again.
        """
        room = self._node.shelf.rooms.get(project_id)
        if room is None or newest == room.persons_seen:
            return
        held, is_settled = list(room.threads.persons), not room.binding
        if held:
            for visitor_id, ended in (await self._read_persons(project_id, held)).items():
                end_person(room, visitor_id, ended)
        if is_settled:
            room.persons_seen = newest

    def _give_owed_answers(self) -> None:
        for room in self._node.shelf.rooms.values():
            if room.answers:
                self._node.revocations.settle(room)

    async def _rewrite_records(self) -> None:
        """All are being written anew, a portion in each turn of the loop: there may be many."""
        for number, session in enumerate(list(self._node.unrecorded), start=1):
            if number % REWRITTEN_AT_ONCE == 0:
                await asyncio.sleep(0)
            if session.phase is Phase.LIVE and session.change is None:
                session.begin_change(Rewriting(session))
