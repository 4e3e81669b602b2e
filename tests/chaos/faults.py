"""Faults: drawn by a seed, done to a running system, and taken back."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.steps import Step as NodeStep
from services.steps import Step
from tests.chaos.history import FaultSpan, History
from tests.chaos.proxy import Rule
from tests.chaos.system import DASHBOARD, GATEWAYS, ChaosSystem

KILL, PAUSE, RESTART = "kill -9", "pause", "restart"
DELAY, HOLE, RESET = "delay", "black hole", "reset"
TRAP_KILL, TRAP_PAUSE = "kill at a step", "pause at a step"
LIVES = (KILL, PAUSE, RESTART)
CUTS = (DELAY, HOLE, RESET)

REVOCATION = "revocation"
REVOKERS = ("revocation-1", "revocation-2")
WORKERS = (*REVOKERS, "verification", "maintenance")
STORES = ("redis", "broker")

TRAP_SECONDS = 3.0

_TRAPS = (
    (DASHBOARD, Step.COMMITTED),
    ("verification", Step.COMMITTED),
    (REVOCATION, Step.EPOCH_RAISED),
    (REVOCATION, Step.NODES_ASKED),
    (REVOCATION, Step.SESSIONS_DROPPED),
    (REVOCATION, Step.RECEIPT_GATHERED),
    (REVOCATION, Step.COMMITTED),
    *((name, step) for name in GATEWAYS for step in NodeStep),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to whom, and for how long. A link is `process→store`, a trap `process.step`."""

    kind: str
    target: str
    seconds: float

    @property
    def victims(self) -> frozenset[str]:
        """Whoever cannot take another fault meanwhile."""
        process = self.target.split(".")[0].split("→")[0]
        return frozenset(REVOKERS if process == REVOCATION else [process])


def lives_of(kind: str) -> tuple[str, ...]:
    """Every process and store of a system over that database."""
    sql = ("sql",) if kind == "postgresql" else ()
    return (*GATEWAYS, *WORKERS, "beat", DASHBOARD, *STORES, *sql)


def draw_short(kind: str, dice: random.Random) -> list[Fault]:
    """One fault of every process and store, one of every kind of link, two at steps."""
    deaths = list(LIVES)
    faults = []
    for name in lives_of(kind):
        if not deaths:
            deaths = list(LIVES)
        faults.append(Fault(deaths.pop(dice.randrange(len(deaths))), name, _seconds(dice)))
    faults += [Fault(cut, dice.choice(_links(kind)), _seconds(dice)) for cut in CUTS]
    traps = dice.sample(_TRAPS, 2)
    faults += [
        Fault(what, f"{process}.{step}", _seconds(dice))
        for what, (process, step) in zip((TRAP_KILL, TRAP_PAUSE), traps, strict=True)
    ]
    dice.shuffle(faults)
    # A killed gateway's lease outlives it by ten seconds: the sooner it begins, the shorter a run.
    return sorted(faults, key=lambda fault: not fault.victims & {*GATEWAYS})


def draw_endlessly(kind: str, dice: random.Random) -> Iterator[Fault]:
    """Faults of all kinds, each as likely as the others."""
    while True:
        what = dice.choice((*LIVES, *CUTS, TRAP_KILL, TRAP_PAUSE))
        if what in LIVES:
            target = dice.choice(lives_of(kind))
        elif what in CUTS:
            target = dice.choice(_links(kind))
        else:
            target = ".".join(dice.choice(_TRAPS))
        yield Fault(what, target, _seconds(dice))


async def do(system: ChaosSystem, history: History, fault: Fault) -> None:
    """It has happened, and all is as before; the history has it.

    A trap that nobody walked into was no fault.
    """
    began, happened = time.monotonic(), True
    if fault.kind in LIVES:
        await _break_life(system, fault)
    elif fault.kind in CUTS:
        await _disturb(system, fault)
    else:
        happened = await _trap(system, fault)
    if happened:
        history.faults.append(FaultSpan(fault.kind, fault.target, began, time.monotonic()))


async def _break_life(system: ChaosSystem, fault: Fault) -> None:
    victim = system.breakable(fault.target)
    if fault.kind == PAUSE:
        victim.pause()
        await asyncio.sleep(fault.seconds)
        victim.resume()
        return
    await asyncio.to_thread(victim.kill if fault.kind == KILL else victim.stop)
    await asyncio.sleep(fault.seconds / 2)
    await asyncio.to_thread(system.bring_back, fault.target)


async def _disturb(system: ChaosSystem, fault: Fault) -> None:
    rules = {DELAY: Rule(delay_seconds=0.15), HOLE: Rule(hole=True), RESET: Rule(reset=True)}
    link = system.link(*fault.target.split("→"))
    link.obey(rules[fault.kind])
    await asyncio.sleep(fault.seconds)
    link.lift()


async def _trap(system: ChaosSystem, fault: Fault) -> bool:
    """Whether the process came to the step, and died there or stood still for a while."""
    role, step = fault.target.split(".")
    names = REVOKERS if role == REVOCATION else (role,)
    for name in names:
        system.lay_trap(name, step, "SIGKILL" if fault.kind == TRAP_KILL else "SIGSTOP")
    caught = await _caught(system, names, step)
    for name in names:
        system.lift_trap(name, step)
    if caught:
        await asyncio.sleep(fault.seconds / 2)
    for name in names:
        await asyncio.to_thread(system.bring_back, name)
    return caught


async def _caught(system: ChaosSystem, names: tuple[str, ...], step: str) -> bool:
    deadline = time.monotonic() + TRAP_SECONDS
    while time.monotonic() < deadline:
        if any(system.is_sprung(name, step) for name in names):
            return True
        await asyncio.sleep(0.02)
    return False


def _links(kind: str) -> tuple[str, ...]:
    stores = (*STORES, "sql") if kind == "postgresql" else STORES
    knowing_sql = [f"{name}→{store}" for name in (*WORKERS, DASHBOARD) for store in stores]
    return (*knowing_sql, *(f"{name}→{store}" for name in GATEWAYS for store in STORES))


def _seconds(dice: random.Random) -> float:
    return dice.choice((0.3, 0.6, 1.0, 1.5))
