"""A flood of verifications never delays a revocation: it has a lane, and workers, of its own.

WIDGET_AUTH_LONG_TESTS=1 queues 100,000 verifications instead of 10,000.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from config.queues import VERIFICATION
from config.settings import WorkerSettings, load
from domain.ids import ProjectId
from domain.times import from_wire
from storage.redis import publications
from storage.redis.client import connect
from tests.acceptance.floods import Flood
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.waiting import wait_until

QUEUED = 100_000 if os.environ.get("WIDGET_AUTH_LONG_TESTS") else 10_000
BOUND_SECONDS = 60.0
"""Less than it takes until the broker gives a message to somebody else."""
SITES = 4
TICKS = 5
"""More than may lie in the queue besides the flood: beat's."""
REVOKERS = ("revocation-1", "revocation-2")

Measured = Callable[[str], None]


@pytest.fixture
def sites(system: System) -> list[Site]:
    """Projects whose visitors sign in all at once."""
    return [make_site(system) for _ in range(SITES)]


@pytest.fixture
def flood(system: System, sites: list[Site]) -> Iterator[Flood]:
    """Verifications to be queued, of visitors of all these projects."""
    flood = Flood(load(WorkerSettings, system.environ), sites)
    yield flood
    flood.dry_up()


def test_queued_verifications_do_not_delay_a_revocation(
    system: System, sites: list[Site], flood: Flood, measured: Measured
) -> None:
    """Redis refuses the old secret, its socket is closed and the receipt complete, mid-flood."""
    for queued in (QUEUED, 4 * QUEUED, 16 * QUEUED):  # one that is over first tells nothing
        story = _regenerate_with_a_visitor(system, sites[0], flood, queued)
        took, receipt, left = asyncio.run(story)
        if left > TICKS:
            break

    assert left > TICKS  # the flood has outlasted the revocation
    wait_until(partial(_was_carried_out_in_its_lane, system, receipt["id"]), "what its lane says")
    measured(
        f"{queued:,} verifications queued: epoch raised {took * 1000:.0f} ms after the call,"
        f" receipt completed {_seconds(receipt) * 1000:.0f} ms after the commit,"
        f" {left} of {flood.messages} messages still waiting then"
    )
    assert (receipt["sessions"]["targeted"], receipt["sessions"]["closed"]) == (1, 1)


def test_one_worker_that_stands_still_does_not_either(
    system: System, sites: list[Site], flood: Flood, measured: Measured
) -> None:
    """Whatever message it has taken is carried out by somebody else: the relay, if need be."""
    _begin(system, flood, QUEUED)
    with _standing_still(system, "revocation-1"):
        answers = [(site, site.regenerate()["rotation"]["id"]) for site in sites]
        seconds = [_seconds(site.completed_receipt(rotation)) for site, rotation in answers]

    measured(
        f"{QUEUED:,} verifications queued, a revocation worker paused: receipts completed"
        f" {', '.join(f'{each * 1000:.0f} ms' for each in sorted(seconds))} after their commits,"
        f" {flood.waiting} of {flood.messages} messages still waiting then"
    )
    assert max(seconds) < BOUND_SECONDS


async def _regenerate_with_a_visitor(
    system: System, site: Site, flood: Flood, queued: int
) -> tuple[float, dict[str, Any], int]:
    """How long after the call Redis refused the old secret; the receipt; messages still waiting."""
    async with site.widget() as widget:
        await widget.signed_in(site.token())
        await asyncio.to_thread(_begin, system, flood, queued)
        epoch = await asyncio.to_thread(_epoch, system, site)
        began = time.monotonic()
        rotation = (await asyncio.to_thread(site.regenerate))["rotation"]["id"]
        await asyncio.to_thread(_await_epoch_after, system, site, epoch)
        took = time.monotonic() - began
        assert (await widget.closing())[0] == 4401
        receipt = await asyncio.to_thread(site.completed_receipt, rotation)
        return took, receipt, flood.waiting


def _begin(system: System, flood: Flood, queued: int) -> None:
    """All of the flood was in the queue at once, and the worker is at it."""
    with _standing_still(system, VERIFICATION):
        flood.queue(queued)
        lying = flood.waiting
    wait_until(lambda: flood.waiting < lying, "a worker that takes something")


def _epoch(system: System, site: Site) -> int:
    """The lowest generation that Redis lets in."""
    client = connect(system.environ["WIDGET_AUTH_REDIS_URL"])
    project_id = ProjectId(site.project_id)
    epoch = publications.read_versions(client, [project_id])[project_id].epoch
    client.close()
    assert epoch is not None
    return epoch


def _await_epoch_after(system: System, site: Site, epoch: int) -> None:
    wait_until(lambda: _epoch(system, site) > epoch, "a higher epoch")


@contextmanager
def _standing_still(system: System, name: str) -> Iterator[None]:
    system.processes[name].pause()
    try:
        yield
    finally:
        system.processes[name].resume()


def _was_carried_out_in_its_lane(system: System, rotation_id: str) -> bool:
    """Whether a revocation worker did it, not the relay in the end."""
    lines = "".join(system.processes[name].log_text() for name in REVOKERS).splitlines()
    return any("revocation_carried_out" in line and rotation_id in line for line in lines)


def _seconds(receipt: dict[str, Any]) -> float:
    """From the commit to the completed receipt, by the database's clock."""
    effective, completed = (from_wire(receipt[name]) for name in ("effective_at", "completed_at"))
    return (completed - effective).total_seconds()
