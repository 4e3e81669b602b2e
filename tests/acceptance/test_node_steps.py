"""A gateway node that stands still, or dies, between two steps, through a whole regenerate."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from gateway.steps import Step
from tests.chaos.faults import TRAP_KILL
from tests.chaos.history import PATIENT_SECONDS, SIGNED_IN, FaultSpan
from tests.chaos.interleavings import GATEWAY, Stage, staged
from tests.chaos.system import ChaosSystem
from tests.chaos.visitors import Gone, Visitor, visitor
from tests.servers.forks import Launcher
from tests.servers.redis import RedisServer
from tests.waiting import until

OF_A_REVOCATION = (Step.REVOCATION_HEARD, Step.REVOKED_CLOSED)


@pytest.fixture(scope="module")
def chaos_system(redis_server: RedisServer, launcher: Launcher) -> Iterator[ChaosSystem]:
    """A system whose gateways may be caught at their steps."""
    assert redis_server
    with ChaosSystem("sqlite", launcher) as system:
        yield system


@pytest.mark.parametrize("step", Step)
def test_node_that_stands_still_lets_no_revoked_session_be(
    chaos_system: ChaosSystem, step: Step
) -> None:
    """It hears of the revocation too late, whatever it was about to do, and makes it good."""

    async def story() -> list[object]:
        async with _staged(chaos_system) as stage:
            with suppress(Gone):
                async with visitor(stage.project, GATEWAY) as guest:
                    await _be_caught(stage, guest, step, "SIGSTOP")
                    chaos_system.processes[GATEWAY].resume()
                    await guest.stay(1.0)
            return list((await stage.ran(PATIENT_SECONDS)).violations)

    assert asyncio.run(story()) == []


def test_node_that_dies_after_a_bind_leaves_nothing_behind(chaos_system: ChaosSystem) -> None:
    """Its session stands in Redis, its widget never heard: a receipt counts and names it."""

    async def story() -> list[object]:
        async with _staged(chaos_system) as stage:
            with suppress(Gone):
                async with visitor(stage.project, GATEWAY) as guest:
                    await _be_caught(stage, guest, Step.BOUND, "SIGKILL")
            now = asyncio.get_running_loop().time()
            stage.history.faults.append(FaultSpan(TRAP_KILL, f"{GATEWAY}.bound", now, now))
            ran = await stage.ran(PATIENT_SECONDS)
            [rotation] = ran.truth[stage.project.id].rotations
            assert (rotation.sessions.targeted, rotation.sessions.gone) == (1, 1)
            assert [name.rsplit("-", 1)[0] for name in rotation.nodes.expired] == [GATEWAY]
            return list(ran.violations)

    assert asyncio.run(story()) == []
    chaos_system.bring_back(GATEWAY)


@asynccontextmanager
async def _staged(system: ChaosSystem) -> AsyncIterator[Stage]:
    async with staged(system) as stage:
        stage.history.delay_seconds = PATIENT_SECONDS
        yield stage


async def _be_caught(stage: Stage, guest: Visitor, step: Step, by: str) -> None:
    """The node was caught at the step, and the secret regenerated meanwhile."""
    system = stage.system
    if step in OF_A_REVOCATION:
        assert (await guest.sign_in("ada")).outcome == SIGNED_IN
        system.lay_trap(GATEWAY, step, by)
        await stage.regenerate()
        await _until_sprung(system, step)
        return
    system.lay_trap(GATEWAY, step, by)
    working = asyncio.create_task(_work(stage, guest, step))
    await _until_sprung(system, step)
    await stage.regenerate()
    await stage.until(lambda truth: truth.redis_epoch == truth.epoch)
    working.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _work(stage: Stage, guest: Visitor, step: Step) -> None:
    """What brings the node to the step."""
    if step is not Step.HELLO_READ:
        await guest.sign_in("ada")
        return
    async with visitor(stage.project, GATEWAY) as another:
        await another.sign_in("ada")


async def _until_sprung(system: ChaosSystem, step: Step) -> None:
    await until(lambda: system.is_sprung(GATEWAY, step), f"{GATEWAY} at {step}")
