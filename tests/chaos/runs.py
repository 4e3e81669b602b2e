"""One run: a crowd signs in, secrets are regenerated, faults happen; then all must be well."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.errors import StorageUnavailable
from storage.redis.client import connect
from storage.sql.engine import open_database
from tests.chaos.checker import Violation, find_violations, open_by_generation
from tests.chaos.faults import Fault, do
from tests.chaos.history import DELAY_SECONDS, SIGNED_IN, Attempt, History
from tests.chaos.receipts import wrong_receipts
from tests.chaos.system import GATEWAYS, ChaosSystem
from tests.chaos.truth import ProjectTruth, read_truth
from tests.chaos.visitors import Crowd, Gone, Project, visitor

SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Intensity:
    """How much goes on at once. Regenerates come so often, in seconds."""

    visitors: int = 12
    lanes: int = 2
    regenerate_every: float = 2.0
    gap: float = 0.2
    patience: float = 2.5
    repeats: int = 3


@dataclass(slots=True)
class Ran:
    """What one run has seen, what the stores held after it, and what was wrong."""

    history: History
    truth: dict[str, ProjectTruth]
    violations: list[Violation]

    def told(self) -> str:
        """All violations, to be read."""
        return "\n".join(f"{each.rule}: {each.evidence}" for each in self.violations[:20])


async def run(
    system: ChaosSystem,
    faults: Iterable[Fault],
    dice: random.Random,
    intensity: Intensity,
    *,
    regenerates: int = 3,
    delay_seconds: float = DELAY_SECONDS,
) -> Ran:
    """All the faults have happened while so many secrets or more were regenerated."""
    history = History(delay_seconds=delay_seconds)
    shop, bystander = Project(system, history), Project(system, history)
    await shop.create("Shop")
    await bystander.create("Bystander")
    crowd = Crowd([shop, shop, bystander], dice, intensity.patience, intensity.repeats)
    guests = [asyncio.create_task(crowd.come_and_go(n)) for n in range(intensity.visitors)]
    over = asyncio.Event()
    rotating = asyncio.create_task(_regenerate(shop, intensity, over, regenerates))
    try:
        await _do_all(system, history, iter(faults), intensity)
        over.set()
        await rotating
        await crowd.calm_down()
        await asyncio.gather(*(probe(p, name) for p in (shop, bystander) for name in GATEWAYS))
        patience = history.delay_seconds + SETTLE_SECONDS
        truth = await settle(system, history, [shop.id, bystander.id], patience)
        return Ran(history, truth, find_violations(history, truth))
    finally:
        await _end([rotating, *guests])


async def probe(project: Project, gateway: str) -> None:
    """The history has the first good sign-in there, or the one that should have been."""
    deadline = time.monotonic() + project.history.delay_seconds
    key_id, _ = project.token("probe")
    last = Attempt(project.id, key_id, gateway, "probe", time.monotonic())
    while last.outcome != SIGNED_IN and time.monotonic() < deadline:
        with contextlib.suppress(Gone):
            async with visitor(project, gateway) as guest:
                last = await guest.sign_in("probe")
        await asyncio.sleep(0.1)
    project.history.probes.append(last)


async def settle(
    system: ChaosSystem, history: History, projects: list[str], seconds: float
) -> dict[str, ProjectTruth]:
    """What the stores hold once nothing more is expected of them, or it is overdue."""
    database, client = open_database(system.database_url), connect(system.stores["redis"].url)
    deadline = time.monotonic() + seconds
    truth: dict[str, ProjectTruth] = {}
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(StorageUnavailable):
                truth = await asyncio.to_thread(read_truth, database, client, projects)
                if all(_is_settled(history, name, state) for name, state in truth.items()):
                    break
            await asyncio.sleep(0.1)
    finally:
        database.close()
        client.close()
    return truth


def _is_settled(history: History, project: str, state: ProjectTruth) -> bool:
    expected = open_by_generation(history, project, state)
    return (
        not state.uncompleted
        and not state.undone
        and state.redis_epoch == state.epoch
        and not any(wrong_receipts(history, project, state))
        and expected == {g: n for g, n in state.held.items() if n}
        and all(g is None or g >= state.epoch for g in expected)
    )


async def _regenerate(
    project: Project, intensity: Intensity, over: asyncio.Event, least: int
) -> None:
    """Again and again; one that nobody answered is repeated at once."""
    answered = 0
    while not (over.is_set() and answered >= least):
        pause = intensity.regenerate_every if answered < least or not over.is_set() else 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await over.wait()
        while not await project.regenerate():
            await asyncio.sleep(0.2)
        answered += 1


async def _do_all(
    system: ChaosSystem, history: History, faults: Iterator[Fault], intensity: Intensity
) -> None:
    """Every fault has happened, some at once, but never two to one victim."""
    busy: set[str] = set()
    waiting: list[Fault] = []

    def next_fault() -> Fault | None:
        found = next((fault for fault in waiting if not fault.victims & busy), None)
        if found is not None:
            waiting.remove(found)
            return found
        for fault in faults:
            if not fault.victims & busy:
                return fault
            waiting.append(fault)
            if len(waiting) > intensity.lanes:
                break
        return None

    async def lane() -> None:
        while True:
            fault = next_fault()
            if fault is None and not waiting:
                return
            if fault is not None:
                busy.update(fault.victims)
                await do(system, history, fault)
                busy.difference_update(fault.victims)
            await asyncio.sleep(intensity.gap)

    await asyncio.gather(*(lane() for _ in range(intensity.lanes)))


async def _end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
