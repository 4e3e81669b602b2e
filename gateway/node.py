"""One gateway node: everything its sessions share, put together, started and stopped."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Final

import structlog

from config import queues
from config.settings import GatewaySettings
from domain.device_ids import DeviceIds
from domain.errors import StorageUnavailable
from domain.ids import NodeId
from domain.queue_sealing import SALT_BYTES, TokenSealer
from gateway.answers import HEARTBEAT_SECONDS
from gateway.card_requests import CardRequests
from gateway.card_shelf import PUBLICATION_SECONDS, CardShelf
from gateway.closes import Close
from gateway.connect_limits import ConnectLimits
from gateway.context import NodeContext
from gateway.endings import end_all
from gateway.gauges import show_gauges
from gateway.lane_driver import LaneDriver, Publish
from gateway.lanes import Lane, LaneBounds
from gateway.lease import Lease
from gateway.metrics import Metrics
from gateway.proofs import ProofClock
from gateway.receipt_answers import ReceiptAnswers
from gateway.refusal_counts import RefusalCounts
from gateway.retirements import Retirements
from gateway.revocations import Revocations
from gateway.session_records import SessionRecords
from gateway.signal_reader import read_signals
from gateway.sockets.deadlines import Deadlines
from gateway.stale_copies import StaleCopies
from gateway.steps import Reached, pass_by
from gateway.sweeps import Sweeps
from gateway.widget_session import WidgetSession
from gateway.words_waiting import WordsWaiting
from storage.redis import cards, figures, leases, persons, signals
from storage.redis.buckets import BucketAllocator
from storage.redis.client import AsyncRedis, identify_async
from storage.redis.own_records import list_own
from storage.redis.session_writer import SessionWriter
from storage.redis.shared_clock import SharedClock

log = structlog.get_logger(__name__)

START_SECONDS: Final = 3.0
STOP_SECONDS: Final = 3.0
RESTART_SECONDS: Final = 1.0
_FENCE_CHECK_SECONDS = 0.5
_SILENCE_CHECKS = 6
_RUN_RANDOM_BYTES = 3


@dataclass(frozen=True, slots=True)
class NodePatience:
    """How long widgets and workers may take, how many may owe a hello, what bounds messages.

    `max_unsent` messages at most wait for changes of identity, 16 KiB each or less; as half of them
    do, no more of a project that has `project_unsent`.
    """

    hello_seconds: float = 10.0
    max_awaited: int = 10_000
    max_unsent: int = 5_000
    project_unsent: int = 500
    silent_seconds: float = 2.0 * HEARTBEAT_SECONDS
    publication_seconds: float = PUBLICATION_SECONDS
    lanes: LaneBounds = field(default_factory=LaneBounds)


def new_node_id(configured: str | None) -> NodeId:
    """The id of one process life: a restarted node is another one."""
    name = configured or secrets.token_hex(4)
    return NodeId(f"{name}-{secrets.token_hex(_RUN_RANDOM_BYTES)}")


class Node:
    """Made, started and stopped on one event loop.

    Args:
        settings: of this process.
        client: the live state; the node does not close it.
        publish: puts messages into queues, blocking; called from the node's own threads only.
        metrics: where it counts.
        patience: other than the contract's, in tests.
        reached: is told of the steps of its work.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        client: AsyncRedis,
        publish: Publish,
        metrics: Metrics,
        patience: NodePatience | None = None,
        reached: Reached = pass_by,
    ) -> None:
        self._patience = patience or NodePatience()
        self.node_id = new_node_id(settings.node_id)
        self._client = client
        self._executors: list[ThreadPoolExecutor] = []
        self._loops: list[asyncio.Task[None]] = []
        self._answers = ReceiptAnswers(client, self.node_id, reached)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._fenced_at: float | None = None
        self._listens = asyncio.Event()
        self._clock = SharedClock()
        self._reached = reached
        self.context = self._make_context(settings, publish, metrics)
        self._sweeps = Sweeps(
            self.context,
            partial(cards.read_versions, client),
            partial(persons.read_persons, client),
            settings.sweep_seconds,
        )
        self._copies = StaleCopies(
            self.context,
            partial(identify_async, client),
            partial(list_own, client, self.node_id),
            self._rewrite_all,
        )
        show_gauges(self.context)

    async def start(self) -> None:
        """The node takes sockets: it holds its lease and hears its signals, where Redis answers.

        Without Redis it starts all the same, refuses what it must, and is right once that is back.
        """
        await self.context.lease.renew_once()
        self._keep_up(self.context.lease.keep)
        self._keep_up(self._read_signals)
        self._keep_up(self._sweeps.keep)
        self._keep_up(self._copies.keep)
        self._repeat(_FENCE_CHECK_SECONDS, self._check_lease)
        self._repeat(self._patience.silent_seconds / _SILENCE_CHECKS, self._drop_silent)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._listens.wait()
        except TimeoutError:
            log.warning("node_started_without_redis", node_id=self.node_id)
        log.info("node_started", node_id=self.node_id)

    async def stop(self) -> None:
        """Every socket has had its 1012, no record of a session is left, the lease is free."""
        for session in list(self.context.sessions):
            session.end(Close.RESTARTING)
        self._stop_clocks()
        await end_all(self._loops)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.context.records.drain()
                await self._answers.drain()
                await leases.release(self._client, self.node_id)
        except (StorageUnavailable, TimeoutError):
            log.warning("node_stopped_without_redis", node_id=self.node_id)
        self.context.close_log.close()
        for executor in self._executors:
            executor.shutdown(wait=False, cancel_futures=True)
        log.info("node_stopped", node_id=self.node_id)

    def fence(self) -> None:
        """No signed-in socket is left: this node may have missed a revocation. Once a lapse."""
        if self._fenced_at == self.context.lease.trusted_until:
            return
        self._fenced_at = self.context.lease.trusted_until
        closed = 0
        for room in self.context.shelf.rooms.values():
            for member in room.pop_signed_in():
                member.end(Close.TRY_AGAIN)
                closed += 1
        log.warning("node_fenced", node_id=self.node_id, closed=closed)

    def _make_context(
        self, settings: GatewaySettings, publish: Publish, metrics: Metrics
    ) -> NodeContext:
        revocations = Revocations(
            lambda room, owed: self._answers.give(revocations, room, owed), metrics
        )
        requests = CardRequests(publish, self._executor(1))
        writer = SessionWriter(self._client, self.node_id)
        return NodeContext(
            node_id=self.node_id,
            device_ids=DeviceIds(settings.device_keys),
            token_sealer=TokenSealer(settings.queue_keys, secrets.token_bytes(SALT_BYTES)),
            shelf=CardShelf(
                partial(cards.read_cards, self._client),
                requests.ask,
                revocations.take_card,
                self._patience.publication_seconds,
            ),
            records=SessionRecords(writer, BucketAllocator(self.node_id)),
            verifications=self._lane(queues.VISITORS_VERIFY, publish),
            sign_outs=self._lane(queues.VISITORS_SIGN_OUT, publish),
            messages=self._lane(queues.MESSAGES_STORE, publish),
            proofs=ProofClock(),
            retirements=Retirements(),
            lease=Lease(self._renew_lease, self._lease_lost),
            revocations=revocations,
            connects=ConnectLimits(),
            metrics=metrics,
            refusal_counts=RefusalCounts(partial(figures.add, self._client)),
            fence=self.fence,
            awaited=Deadlines(self._patience.hello_seconds, WidgetSession.is_late),
            max_awaited=self._patience.max_awaited,
            words_waiting=WordsWaiting(self._patience.max_unsent, self._patience.project_unsent),
            utc_now=self._clock.now,
            reached=self._reached,
        )

    async def _renew_lease(self, beat: str) -> bool:
        await self._clock.set(self._client)
        return await leases.renew(self._client, self.node_id, beat)

    def _lane(self, task: str, publish: Publish) -> LaneDriver:
        lane = Lane(self._patience.lanes)
        return LaneDriver(
            lane,
            task,
            publish,
            self._executor(lane.bounds.credits),
            partial(secrets.token_hex, 8),
            self._clock.now,
            reached=self._reached,
        )

    def _executor(self, threads: int) -> ThreadPoolExecutor:
        executor = ThreadPoolExecutor(threads, thread_name_prefix="publisher")
        self._executors.append(executor)
        return executor

    def _keep_up(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The work is done until the node stops, whatever befalls it."""

        async def again_and_again() -> None:
            while True:
                try:
                    await work()
                except Exception:
                    log.exception("node_work_failed", node_id=self.node_id)
                await asyncio.sleep(RESTART_SECONDS)

        self._loops.append(asyncio.get_running_loop().create_task(again_and_again()))

    async def _read_signals(self) -> None:
        stream = signals.subscribe(self._client, self.node_id)
        try:
            await read_signals(self.context, stream, self._signals_stand)
        finally:
            self.context.hears_signals = False

    def _repeat(self, seconds: float, check: Callable[[], None]) -> None:
        def again() -> None:
            self._repeat(seconds, check)
            check()

        loop = asyncio.get_running_loop()
        self._timers[check.__name__] = loop.call_later(seconds, again)

    def _stop_clocks(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self.context.verifications.stop()
        self.context.sign_outs.stop()
        self.context.messages.stop()
        self.context.proofs.stop()
        self.context.retirements.stop()
        self.context.shelf.stop()

    def _signals_stand(self) -> None:
        self._listens.set()
        self._copies.look_soon()
        self._sweeps.soon()

    def _lease_lost(self) -> None:
        """Workers, or a Redis that came back empty, have removed what this node had written.

        A worker may still be at it, for a step, when the records are written anew: a sweep later
        they are written once more.
        """
        self._rewrite_all()
        loop = asyncio.get_running_loop()
        seconds = self._sweeps.every_seconds
        self._timers["rewrite"] = loop.call_later(seconds, self._rewrite_all)

    def _rewrite_all(self) -> None:
        self.context.unrecorded.update(self.context.by_id.values())
        self._sweeps.soon()

    def _check_lease(self) -> None:
        if not self.context.lease.is_held:
            self.fence()

    def _drop_silent(self) -> None:
        silent_since = monotonic() - self._patience.silent_seconds
        for session in list(self.context.by_id.values()):
            if session.socket.last_received < silent_since:
                session.end(Close.TRY_AGAIN)
