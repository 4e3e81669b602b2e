"""Interleavings that one deliberate bug each would spoil, forced step by step on a real system.

On the code as it is every one of them ends well. Each has a project of its own, so that many can
be played on one system. They rest on pauses that are shorter than a lease; where the machine was
too slow for one, the play ends well for another reason, also with the bug.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import Any, TypeAlias

from sqlalchemy.engine import make_url

from services.steps import Step
from storage.redis.client import connect
from storage.sql.engine import open_database
from tests.chaos.checker import Violation, find_violations
from tests.chaos.history import SIGNED_IN, History
from tests.chaos.proxy import Rule
from tests.chaos.runs import Ran, settle
from tests.chaos.system import DASHBOARD, GATEWAYS, SWEEP_SECONDS, ChaosSystem
from tests.chaos.truth import ProjectTruth, read_truth
from tests.chaos.visitors import Gone, Project, Visitor, visitor

GATEWAY = GATEWAYS[0]
TELLERS = ("maintenance", "revocation-1", "revocation-2")
"""Who carries revocations out, and publishes cards."""

WAIT_SECONDS = 6.0
SIGNAL_SECONDS = 0.3
TRUSTED_SECONDS = 20 / 3
BUSY_SECONDS = 6.0

Play: TypeAlias = Callable[[ChaosSystem], Coroutine[Any, Any, Ran]]


class Stage:
    """One project of a running system, and a view into its stores."""

    def __init__(self, system: ChaosSystem) -> None:
        self.system = system
        self.history = History()
        self.project = Project(system, self.history)
        self.extra: list[Violation] = []
        self._database = open_database(system.database_url)
        self._client = connect(system.stores["redis"].url)

    def close(self) -> None:
        """Its connections are."""
        self._database.close()
        self._client.close()

    async def truth(self) -> ProjectTruth:
        """What the stores hold of the project now."""
        read = asyncio.to_thread(read_truth, self._database, self._client, [self.project.id])
        return (await read)[self.project.id]

    async def until(self, true: Callable[[ProjectTruth], bool]) -> None:
        """The stores have come so far, or it took too long."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not true(await self.truth()) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def regenerate(self) -> None:
        """It was answered."""
        assert await self.project.regenerate(), self.history.regenerates[-1]

    def empty_redis(self) -> None:
        """Redis holds nothing."""
        self._client.flushall()

    async def ran(self, seconds: float) -> Ran:
        """What came of it, once all is settled or so much time has passed."""
        truth = await settle(self.system, self.history, [self.project.id], seconds)
        return Ran(self.history, truth, [*self.extra, *find_violations(self.history, truth)])


@asynccontextmanager
async def staged(system: ChaosSystem) -> AsyncIterator[Stage]:
    """A stage with a fresh project."""
    stage = Stage(system)
    try:
        await stage.project.create("Stage")
        yield stage
    finally:
        stage.close()


async def old_token_is_tried(system: ChaosSystem) -> Ran:
    """A token is presented again after its secret was regenerated."""
    async with staged(system) as stage:
        async with visitor(stage.project, GATEWAY) as guest:
            await guest.sign_in("ada")
        await stage.regenerate()
        with suppress(Gone):
            async with visitor(stage.project, GATEWAY) as guest:
                await guest.sign_in("ada", back=1)
        return await stage.ran(3)


async def outcome_is_overtaken(system: ChaosSystem) -> Ran:
    """A verification is committed; before its node hears of it, the secret is regenerated."""
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        with _verified_unheard(stage) as sign_in:
            signing_in = await sign_in(guest)
            await stage.regenerate()
            await stage.until(lambda truth: truth.redis_epoch == truth.epoch)
            await asyncio.sleep(SIGNAL_SECONDS)
        await signing_in
        return await stage.ran(6)


async def redis_is_emptied_before_a_bind(system: ChaosSystem) -> Ran:
    """As before, but Redis loses everything before anybody has told it or the node."""
    tellers = [system.processes[name] for name in TELLERS]
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        with _verified_unheard(stage) as sign_in:
            signing_in = await sign_in(guest)
            for teller in tellers:
                teller.pause()
            await stage.regenerate()
            stage.empty_redis()
        await signing_in
        if stage.history.attempts[-1].outcome == SIGNED_IN:
            rule = "nobody is signed in while Redis does not know the epoch"
            stage.extra.append(Violation(rule, f"{stage.history.attempts[-1]}"))
        for teller in tellers:
            teller.resume()
        return await stage.ran(15)


async def answer_to_a_bind_is_late(system: ChaosSystem) -> Ran:
    """A bind is done in Redis; its answer reaches the node after the revocation's signal."""
    link = system.link(GATEWAY, "redis")
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        link.obey(Rule(hold_answers=True))
        signing_in = asyncio.create_task(guest.sign_in("ada"))
        await stage.until(lambda truth: bool(truth.held.get(1)))
        await stage.regenerate()
        await stage.until(lambda truth: not truth.held.get(1))
        await asyncio.sleep(SIGNAL_SECONDS)
        link.lift()
        await signing_in
        return await stage.ran(6)


async def redis_forgets_its_nodes(system: ChaosSystem) -> Ran:
    """A regenerate comes after Redis was emptied and before the nodes have registered again."""
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        await guest.sign_in("ada")
        stage.empty_redis()
        await stage.until(lambda truth: truth.redis_epoch is not None)
        await stage.regenerate()
        await stage.until(lambda truth: truth.rotations[0].sessions.closed == 1)
        receipt = (await stage.truth()).rotations[0]
        if receipt.sessions.closed != 1:
            rule = "a socket that a revocation closed stands in its receipt"
            stage.extra.append(Violation(rule, f"{receipt}"))
        return await stage.ran(10)


async def signals_are_lost(system: ChaosSystem) -> Ran:
    """No revocation's signal reaches a node: it finds out by itself, within a sweep."""
    link = system.link(GATEWAY, "redis")
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        await guest.sign_in("ada")
        link.obey(Rule(lose=b'"revoke"'))
        await stage.regenerate()
        with suppress(Gone):
            await guest.stay(3 * SWEEP_SECONDS)
        if guest.life.code is None:
            stage.extra.append(Violation("a lost signal costs at most one sweep", f"{guest.life}"))
        link.lift()
        return await stage.ran(10)


async def broker_is_away(system: ChaosSystem) -> Ran:
    """A revocation's message never reaches the broker."""
    link = system.link(DASHBOARD, "broker")
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        await guest.sign_in("ada")
        link.obey(Rule(reset=True))
        await stage.regenerate()
        link.lift()
        return await stage.ran(12)


async def commit_fails(system: ChaosSystem) -> Ran:
    """SQLite is locked until the regenerate has given up: nothing may have happened."""
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        await guest.sign_in("ada")
        path = make_url(system.database_url).database or ""
        with closing(sqlite3.connect(path, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            regenerating = asyncio.create_task(stage.project.regenerate())
            with suppress(Gone):
                await guest.stay(BUSY_SECONDS)
            assert not await regenerating
        return await stage.ran(6)


async def gateway_is_cut_off(system: ChaosSystem) -> Ran:
    """A node that Redis does not answer acts for nobody after its lease."""
    link = system.link(GATEWAY, "redis")
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        await guest.sign_in("ada")
        link.obey(Rule(hole=True))
        cut_at = time.monotonic()
        await stage.regenerate()
        with suppress(Gone):
            await guest.stay(TRUSTED_SECONDS + 1.5)
        if guest.life.served_at > cut_at + TRUSTED_SECONDS + 0.2:
            late = f"{guest.life}, cut off at {cut_at}"
            stage.extra.append(Violation("a node without a lease acts for nobody", late))
        link.lift()
        return await stage.ran(10)


async def worker_pauses_after_its_commit(system: ChaosSystem) -> Ran:
    """A worker stands still between its commit and its answer, through a whole revocation."""
    worker = "verification"
    async with staged(system) as stage, visitor(stage.project, GATEWAY) as guest:
        system.lay_trap(worker, Step.COMMITTED, "SIGSTOP")
        signing_in = asyncio.create_task(guest.sign_in("ada"))
        await stage.until(lambda truth: bool(truth.verified))
        await stage.regenerate()
        await stage.until(lambda truth: not truth.uncompleted)
        system.processes[worker].resume()
        system.is_sprung(worker, Step.COMMITTED)
        await signing_in
        return await stage.ran(6)


@contextmanager
def _verified_unheard(stage: Stage) -> Any:
    """Gives a way to sign in whose verification is committed while its node stands still."""
    worker, gateway = stage.system.processes["verification"], stage.system.processes[GATEWAY]

    async def sign_in(guest: Visitor) -> "asyncio.Task[Any]":
        worker.pause()
        signing_in = asyncio.create_task(guest.sign_in("ada"))
        await asyncio.sleep(SIGNAL_SECONDS)
        gateway.pause()
        worker.resume()
        await stage.until(lambda truth: bool(truth.verified))
        await asyncio.sleep(SIGNAL_SECONDS)
        return signing_in

    try:
        yield sign_in
    finally:
        worker.resume()
        gateway.resume()


PLAYS: tuple[Play, ...] = (
    old_token_is_tried,
    outcome_is_overtaken,
    redis_is_emptied_before_a_bind,
    answer_to_a_bind_is_late,
    redis_forgets_its_nodes,
    signals_are_lost,
    broker_is_away,
    commit_fails,
    gateway_is_cut_off,
    worker_pauses_after_its_commit,
)
