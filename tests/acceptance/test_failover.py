"""Redis fails over to a stale copy, comes back empty, forgets its scripts: closed, then right."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.exceptions import WebSocketException

from domain.ids import ProjectId
from storage.redis import keys, leases, publications, sessions
from storage.redis.client import Redis, connect
from tests.acceptance.leading_redis import LeadingRedis
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.acceptance.widget import Widget
from tests.servers.forks import Launcher
from tests.servers.redis import RedisServer
from tests.waiting import until, wait_until

BOUND_SECONDS = 60.0
GATEWAYS = (1, 2)
REFUSED = {"key_revoked", "unavailable"}

Measured = Callable[[str], None]


class Answer(NamedTuple):
    """To a token, and when that was sent (monotonic seconds)."""

    sent_at: float
    code: str


@pytest.fixture(scope="module")
def leading() -> Iterator[LeadingRedis]:
    """The live state's Redis of the tests here."""
    with LeadingRedis() as leading:
        yield leading


@pytest.fixture(scope="module")
def failing_system(
    leading: LeadingRedis,
    redis_server: RedisServer,
    launcher: Launcher,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """Two gateways; the broker is a Redis of its own, as in production."""
    folder = tmp_path_factory.mktemp("failing")
    shutil.copy(sqlite_template, folder / "widget-auth.sqlite")
    url = f"sqlite:///{folder}/widget-auth.sqlite"
    settings = {"WIDGET_AUTH_BROKER_URL": redis_server.url}
    redis_server.empty()
    with System(
        url,
        leading.url,
        folder,
        gateways=len(GATEWAYS),
        settings=settings,
        launcher=launcher,
    ) as running:
        yield running


@pytest.fixture
def shop(failing_system: System) -> Site:
    """A new project with its first secret."""
    return make_site(failing_system)


def test_stale_copy_lets_nobody_in_and_is_put_right(
    leading: LeadingRedis, shop: Site, measured: Measured
) -> None:
    """The copy was cut off before a regenerate: its epoch, sessions and cards are old ones."""
    card = keys.card(ProjectId(shop.project_id))

    async def story() -> float:
        async with shop.widget() as old, shop.widget() as anonymous:
            await old.signed_in(shop.token("ada"))
            with leading.copied() as copy:
                await asyncio.to_thread(copy.until_it_holds, card, "epoch", "1")
            async with _presenting(shop) as answers:
                rotation = (await asyncio.to_thread(shop.regenerate))["rotation"]["id"]
                answered_at = time.monotonic()
                assert (await old.closing())[0] == 4401
                await asyncio.to_thread(shop.completed_receipt, rotation)
                async with shop.widget() as newer:
                    await newer.signed_in(shop.token("bob"))

                    failed_at = time.monotonic()
                    await asyncio.to_thread(leading.fail_over, copy)
                    took = await _until_right(leading, shop)
                    assert await anonymous.is_alive()
                    assert await newer.is_alive()
                    await _until_refused(answers, failed_at)
                assert _sent(answers, answered_at) <= REFUSED
        return took

    measured(f"a stale copy was put right {asyncio.run(story()):.2f} s after the failover")
    asyncio.run(_sign_in_everywhere(shop))


def test_empty_redis_lets_nobody_in_and_is_filled_again(
    leading: LeadingRedis, shop: Site, measured: Measured
) -> None:
    """Another run of the same server: no card, no epoch, no lease, no script."""

    async def story() -> float:
        async with _presenting(shop) as answers:
            await asyncio.to_thread(shop.regenerate)
            answered_at = time.monotonic()
            async with shop.widget() as newer, shop.widget() as anonymous:
                await newer.signed_in(shop.token("bob"))

                failed_at = time.monotonic()
                await asyncio.to_thread(leading.restart)
                took = await _until_right(leading, shop)
                assert await anonymous.is_alive()
                assert await newer.is_alive()
                await _until_refused(answers, failed_at)
            assert _sent(answers, answered_at) <= REFUSED
        return took

    measured(f"an empty Redis was filled again {asyncio.run(story()):.2f} s after its restart")
    asyncio.run(_sign_in_everywhere(shop))


def test_forgotten_scripts_cost_nobody_anything(leading: LeadingRedis, shop: Site) -> None:
    """Each of hello, sign-in, regenerate and close finds a server that knows no script."""
    client = connect(leading.url)
    _until_nodes_are_known(client)

    async def story() -> None:
        client.script_flush()
        async with shop.widget() as widget:
            client.script_flush()
            await widget.signed_in(shop.token("ada"))
            client.script_flush()
            rotation = (await asyncio.to_thread(shop.regenerate))["rotation"]["id"]
            assert (await widget.closing())[0] == 4401
        client.script_flush()
        receipt = await asyncio.to_thread(shop.completed_receipt, rotation)
        assert receipt["sessions"] == {"targeted": 1, "closed": 1, "gone": 0}

    asyncio.run(story())
    client.close()


@asynccontextmanager
async def _presenting(shop: Site) -> AsyncIterator[list[Answer]]:
    """Meanwhile a token of the present secret is presented on every gateway, again and again.

    Gives the answers, which grow.
    """
    token, answers, over = shop.token("eve"), list[Answer](), asyncio.Event()

    async def present(gateway: int) -> None:
        while not over.is_set():
            with suppress(WebSocketException, AssertionError, OSError):
                async with Widget(shop.system.socket_url(shop.project_id, gateway)) as widget:
                    sent_at = time.monotonic()
                    answer = await widget.sign_in(token)
                    answers.append(Answer(sent_at, answer.get("code", answer["type"])))
            await asyncio.sleep(0.05)

    presenting = [asyncio.create_task(present(gateway)) for gateway in GATEWAYS]
    try:
        yield answers
    finally:
        over.set()  # cancelled in the midst of connecting, a socket would be left to nobody
        await asyncio.gather(*presenting, return_exceptions=True)


def _until_nodes_are_known(client: Redis) -> None:
    """Each has renewed its lease in the Redis that came back: a regenerate asks all of them."""
    everybody = [True] * len(GATEWAYS)
    wait_until(lambda: [*leases.list_nodes(client).values()] == everybody, "both", BOUND_SECONDS)


async def _until_refused(answers: list[Answer], since: float) -> None:
    """Something that was sent since then is refused by name."""
    await until(lambda: "key_revoked" in _sent(answers, since), "a refusal", BOUND_SECONDS)


def _sent(answers: list[Answer], since: float) -> set[str]:
    """What is answered to tokens that were sent since then."""
    return {answer.code for answer in answers if answer.sent_at > since}


async def _until_right(leading: LeadingRedis, shop: Site) -> float:
    """How long it took until Redis held the epoch, and only sessions of the new secret."""
    client, project_id = connect(leading.url), ProjectId(shop.project_id)
    began = time.monotonic()
    while True:
        epoch = publications.read_versions(client, [project_id])[project_id].epoch
        held = sessions.count_by_generation(client, project_id)
        took = time.monotonic() - began
        if epoch == 2 and (held.get(1), held.get(2)) == (None, 1):
            client.close()
            return took
        assert took < BOUND_SECONDS, (epoch, held)
        await asyncio.sleep(0.05)


async def _sign_in_everywhere(shop: Site) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    for gateway in GATEWAYS:
        while True:
            with suppress(WebSocketException, AssertionError):
                async with Widget(shop.system.socket_url(shop.project_id, gateway)) as widget:
                    await widget.signed_in(shop.token("ada"))
                    break
            assert time.monotonic() < deadline
