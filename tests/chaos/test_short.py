"""Faults of all kinds while people sign in and secrets are regenerated, in half a minute.

WIDGET_AUTH_CHAOS_SEED repeats the faults of an earlier run; `make chaos` is the long form.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.chaos.faults import draw_short
from tests.chaos.history import PATIENT_SECONDS, SIGNED_IN
from tests.chaos.postgres import require_postgres
from tests.chaos.runs import Intensity, run
from tests.chaos.system import ChaosSystem
from tests.servers.databases import KINDS
from tests.servers.forks import Launcher
from tests.servers.redis import RedisServer

SEED_VARIABLE = "WIDGET_AUTH_CHAOS_SEED"
MOST_BITS = 32


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_nothing_let_through(
    kind: str,
    redis_server: RedisServer,
    launcher: Launcher,
    measured: Callable[[str], None],
) -> None:
    """Whatever is killed, paused, restarted or cut off: a revoked secret signs nobody in."""
    if kind == "postgresql":
        require_postgres()
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().getrandbits(MOST_BITS))
    dice = random.Random(seed)  # noqa: S311 - to be repeated
    faults = draw_short(kind, dice)
    with ChaosSystem(kind, launcher) as system:
        story = run(system, faults, dice, Intensity(), delay_seconds=PATIENT_SECONDS)
        ran = asyncio.run(story)

    answered = sum(r.answered_at is not None for r in ran.history.regenerates)
    sign_ins = sum(attempt.outcome == SIGNED_IN for attempt in ran.history.attempts)
    codes = Counter(socket.code for socket in ran.history.sockets)
    measured(
        f"{SEED_VARIABLE}={seed}: {len(ran.history.faults)} faults, {answered} regenerates,"
        f" {len(ran.history.attempts)} attempts, {sign_ins} sign-ins,"
        f" {codes[4401]} sockets closed with 4401"
    )
    assert not ran.violations, f"{SEED_VARIABLE}={seed}\n{ran.told()}"
    assert len(ran.history.faults) >= 12
    assert answered >= 3
    assert sign_ins >= 10
