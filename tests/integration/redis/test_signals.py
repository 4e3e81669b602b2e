"""Signals reach their node, and it learns when some may not have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from domain.ids import NodeId
from storage.redis import signals
from storage.redis.client import AsyncRedis, Redis, connect, connect_async
from storage.redis.signals import Subscription
from tests.servers.redis import RedisServer
from tests.waiting import SECONDS, until

pytestmark = pytest.mark.anyio

STANDS, LOST = Subscription.STANDS, Subscription.LOST


class Ear:
    """Listens for one node."""

    def __init__(self, items: AsyncIterator[Any]) -> None:
        self._items = items

    async def next(self) -> Any:
        """What comes next; it does not take long."""
        async with asyncio.timeout(SECONDS):
            return await anext(self._items)

    async def until(self, wanted: object) -> list[Any]:
        """What comes before and up to what is wanted."""
        heard = []
        while not heard or heard[-1] != wanted:
            heard.append(await self.next())
        return heard


@pytest.fixture
async def ear(node_redis: AsyncRedis, node_id: NodeId) -> AsyncIterator[Ear]:
    """The node, subscribed."""
    async with aclosing(signals.subscribe(node_redis, node_id)) as items:
        ear = Ear(items)
        assert await ear.next() is STANDS
        yield ear


async def test_a_signal_arrives(redis: Redis, node_id: NodeId, ear: Ear) -> None:
    """As it was sent, in order."""
    payload = {"type": "revoke", "project_id": "p", "epoch": 3, "rotation_id": None}
    assert signals.send(redis, node_id, payload) is True
    assert signals.send_many(redis, [(node_id, {"n": n}) for n in range(100)]) == 100

    assert await ear.next() == payload
    assert [await ear.next() for _ in range(100)] == [{"n": n} for n in range(100)]


async def test_a_signal_is_for_one_node(redis: Redis, node_id: NodeId, ear: Ear) -> None:
    """The sender learns who was listening."""
    assert signals.send(redis, NodeId("nobody"), {}) is False
    assert signals.send_many(redis, [(NodeId("nobody"), {}), (node_id, {"mine": True})]) == 1
    assert signals.send_many(redis, []) == 0
    assert await ear.next() == {"mine": True}


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[1]", b"7", b"\xff\xfe"])
async def test_rubbish_is_passed_over(
    redis: Redis, node_id: NodeId, ear: Ear, rubbish: bytes
) -> None:
    """The next signal is heard."""
    redis.publish(f"{{{node_id}}}:signals", rubbish)
    signals.send(redis, node_id, {"good": True})
    assert await ear.next() == {"good": True}


async def test_a_broken_connection_is_told(redis: Redis, node_id: NodeId, ear: Ear) -> None:
    """Lost before stands, also where it is mended at once: something may have been missed."""
    for _ in range(2):
        redis.client_kill_filter(_type="pubsub")
        assert await ear.next() is LOST
        assert await ear.next() is STANDS
        assert signals.send(redis, node_id, {"heard": True}) is True
        assert await ear.next() == {"heard": True}


async def test_a_server_that_is_away_for_a_while_is_found_again(node_id: NodeId) -> None:
    """Lost is told once, however often it is tried meanwhile."""
    server = RedisServer()
    server.start()
    try:
        client = connect_async(server.url)
        async with aclosing(signals.subscribe(client, node_id)) as items:
            ear = Ear(items)
            assert await ear.next() is STANDS
            server.kill()
            assert await ear.next() is LOST
            waiting = asyncio.create_task(ear.next())
            await asyncio.sleep(0.5)
            assert not waiting.done()
            await asyncio.to_thread(server.restart)
            assert await waiting is STANDS
            with connect(server.url) as redis:
                assert signals.send(redis, node_id, {"heard": True}) is True
            assert await ear.next() == {"heard": True}
        await client.aclose()
    finally:
        server.stop()


@pytest.fixture
async def keen_ear(node_redis: AsyncRedis, node_id: NodeId) -> AsyncIterator[Ear]:
    """The node, subscribed, asking for a word sooner than a test gets bored."""
    async with aclosing(signals.subscribe(node_redis, node_id, ping_seconds=0.1)) as items:
        ear = Ear(items)
        assert await ear.next() is STANDS
        yield ear


async def test_silence_is_a_loss(redis_server: RedisServer, redis: Redis, keen_ear: Ear) -> None:
    """A connection that says nothing, even when asked, is not trusted."""
    redis_server.pause()
    try:
        assert await keen_ear.next() is LOST
    finally:
        redis_server.resume()
    assert await keen_ear.next() is STANDS


async def test_a_quiet_subscription_stands(redis: Redis, node_id: NodeId, keen_ear: Ear) -> None:
    """That nobody signals is no loss. That of a machine that stands still is, but not each time."""
    for _ in range(9):
        waiting = asyncio.create_task(keen_ear.next())
        await asyncio.sleep(0.1 * signals.SILENCES + 0.5)
        if not waiting.done():
            break
        assert await waiting is LOST
        assert await keen_ear.next() is STANDS
    assert not waiting.done()
    signals.send(redis, node_id, {"after": "a while"})
    assert await waiting == {"after": "a while"}


async def test_who_stops_listening_gives_the_connection_back(
    redis: Redis, node_redis: AsyncRedis, node_id: NodeId
) -> None:
    """No subscription is left behind."""
    async with aclosing(signals.subscribe(node_redis, node_id)) as items:
        assert await anext(items) is STANDS
        assert signals.send(redis, node_id, {}) is True
    await until(lambda: not signals.send(redis, node_id, {}))
