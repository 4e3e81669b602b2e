"""Clocks minutes apart: who is let in, what is closed and when, is decided by none of them.

Every process has a wall clock of its own, up to ten minutes from another's. The database's, which
decides, is the machine's.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.times import from_wire
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.acceptance.widget import Widget
from tests.servers.forks import Launcher
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

SKEWED = "tests.chaos.entries.skewed"
APART_SECONDS = {
    "gateway-1": -300,
    "gateway-2": 300,
    "verification": 300,
    "revocation-1": -300,
    "revocation-2": 300,
    "maintenance": 300,
    "beat": -300,
}
GATEWAYS = (1, 2)
BOUND_SECONDS = 60.0
"""Far more than it takes, far less than the clocks are apart."""


class SystemOfManyClocks(System):
    """As a deployment on machines that no time server reaches."""

    def _programs(self) -> dict[str, Sequence[str]]:
        return {
            name: (SKEWED, str(APART_SECONDS[name]), *arguments)
            if name in APART_SECONDS
            else arguments
            for name, arguments in super()._programs().items()
        }


@pytest.fixture(scope="module")
def skewed_system(
    postgres_server: PostgresServer,
    redis_server: RedisServer,
    launcher: Launcher,
    postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """Two gateways. One machine has one clock, so this is about PostgreSQL alone."""
    redis_server.empty()
    url = postgres_server.create_database(postgres_template)
    folder = tmp_path_factory.mktemp("skewed")
    with SystemOfManyClocks(
        url, redis_server.url, folder, gateways=len(GATEWAYS), launcher=launcher
    ) as running:
        yield running
    postgres_server.drop_database(url)


@pytest.fixture
def shop(skewed_system: System) -> Site:
    """A new project with its first secret."""
    return make_site(skewed_system)


def test_regenerate_ends_every_old_session_and_token(shop: Site) -> None:
    """Sign-ins work on nodes that are early and late; after the regenerate none of them does."""

    async def story() -> dict[str, Any]:
        async with _widget(shop, 1) as one, _widget(shop, 2) as two:
            old = shop.token()
            await one.signed_in(old)
            await two.signed_in(old)
            rotation = (await asyncio.to_thread(shop.regenerate))["rotation"]["id"]
            assert (await one.closing())[0] == (await two.closing())[0] == 4401
        for gateway in GATEWAYS:
            async with _widget(shop, gateway) as widget:
                assert await widget.refusal(old) == "key_revoked"
                await widget.signed_in(shop.token())
        return await asyncio.to_thread(shop.completed_receipt, rotation)

    receipt = asyncio.run(story())
    assert receipt["sessions"] == {"targeted": 2, "closed": 2, "gone": 0}
    assert _apart(receipt, "requested_at", "completed_at") < BOUND_SECONDS
    assert (
        abs((datetime.now(UTC) - from_wire(receipt["completed_at"])).total_seconds())
        < BOUND_SECONDS
    )


def test_planned_cut_is_dated_by_the_database(shop: Site) -> None:
    """Not a moment too early, and found by the first sweep: no tick has expired on its way."""

    async def story() -> str:
        async with _widget(shop, 1) as retiring, _widget(shop, 2) as moved:
            await retiring.signed_in(shop.token())
            rotation = await asyncio.to_thread(shop.plan)
            await moved.signed_in(shop.token())
            await asyncio.to_thread(shop.cut_soon, rotation)
            assert (await retiring.closing())[0] == 4401
            assert await moved.is_alive()
        return rotation

    receipt = shop.completed_receipt(asyncio.run(story()))
    assert 0 <= _apart(receipt, "due_at", "effective_at") < BOUND_SECONDS


def test_node_that_redis_does_not_answer_fences_itself_in_time(
    shop: Site, redis_server: RedisServer
) -> None:
    """Its lease is counted by the monotonic clock, which nobody sets."""

    async def story() -> list[float]:
        async with _widget(shop, 1) as one, _widget(shop, 2) as two:
            for widget in (one, two):
                await widget.signed_in(shop.token())
            began = time.monotonic()
            redis_server.pause()
            return [await _fenced(widget) - began for widget in (one, two)]

    try:
        seconds = asyncio.run(story())
    finally:
        redis_server.resume()
    assert max(seconds) < BOUND_SECONDS


async def _fenced(widget: Widget) -> float:
    assert (await widget.closing())[0] == 1013
    return time.monotonic()


def _widget(shop: Site, gateway: int) -> Widget:
    return Widget(shop.system.socket_url(shop.project_id, gateway))


def _apart(receipt: dict[str, Any], first: str, second: str) -> float:
    return (from_wire(receipt[second]) - from_wire(receipt[first])).total_seconds()
