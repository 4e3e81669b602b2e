"""A failover that ends no connection: the demoted server stays, and its address leads elsewhere."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from redis.exceptions import ResponseError

from domain.ids import NodeId, ProjectId
from storage.redis import keys, leases, publications, scripts
from storage.redis.buckets import Bucket
from storage.redis.client import AsyncRedis, Redis, connect, connect_async
from storage.redis.exchange import ask, ask_all, run_async
from storage.redis.session_writer import SessionWriter
from tests.integration.redis.conftest import new_session
from tests.servers.redis import RedisServer
from tests.waiting import until, wait_until

pytestmark = pytest.mark.anyio


class Pair:
    """A primary and its replica, which can take its place and its address."""

    def __init__(self) -> None:
        primary, *_ = self.servers = RedisServer(), RedisServer()
        for server in self.servers:
            server.start()
        self.url = primary.url
        self._primary, self._replica = (connect(server.url) for server in self.servers)
        self._address = ("127.0.0.1", primary.port)
        self._primary.config_set("repl-diskless-sync-delay", 0)
        self._replica.replicaof(*self._address)
        wait_until(self._is_level, "a replica that follows")  # before any lease begins

    async def switch(self) -> None:
        """The replica is the primary, where clients look for it; the other follows it."""
        await until(self._is_level)
        self._replica.replicaof("NO", "ONE")
        wait_until(self._has_left_its_port)
        self._replica.config_set("port", self._address[1])
        self._primary.replicaof(*self._address)

    def _has_left_its_port(self) -> bool:
        """Whether the primary listens elsewhere, on a port that nobody else took meanwhile."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            elsewhere = free.getsockname()[1]
        try:
            return bool(self._primary.config_set("port", elsewhere))
        except ResponseError:
            return False

    def _is_level(self) -> bool:
        """Whether the replica has all that the primary was told."""
        written = self._primary.info("replication")["master_repl_offset"]
        copy = self._replica.info("replication")
        return copy["master_link_status"] == "up" and copy["slave_repl_offset"] >= written

    def stop(self) -> None:
        """Both are gone."""
        self._primary.close()
        self._replica.close()
        for server in self.servers:
            server.kill()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two servers of this test alone."""
    pair = Pair()
    yield pair
    pair.stop()


@pytest.fixture
async def node(pair: Pair) -> AsyncIterator[AsyncRedis]:
    """A client as the gateway has it."""
    client = connect_async(pair.url)
    yield client
    await client.aclose()


@pytest.fixture
async def writer(node: AsyncRedis, node_id: NodeId) -> AsyncIterator[SessionWriter]:
    """The node's writer."""
    writer = SessionWriter(node, node_id)
    yield writer
    await writer.drain()


async def test_a_worker_goes_on_with_the_new_primary(pair: Pair, project_id: ProjectId) -> None:
    """Whatever it asks first: one command, many, or a script."""
    asks: list[Callable[[Redis], object]] = [
        lambda client: ask(client, "SET", "one", 1),
        lambda client: ask_all(client, [("GET", "one"), ("SET", "many", 2)]),
        lambda client: publications.begin_publication(client, project_id, "nonce"),
    ]
    clients = [connect(pair.url) for _ in asks]
    for client in clients:
        ask(client, "PING")

    await pair.switch()

    for client, asked in zip(clients, asks, strict=True):
        asked(client)
        client.close()
    with connect(pair.url) as client:
        assert client.info("replication")["role"] == "master"
        assert client.mget("one", "many") == [b"1", b"2"]


async def test_a_node_goes_on_with_the_new_primary(
    pair: Pair, node: AsyncRedis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """It keeps its lease, and its sessions stand there."""
    bucket = Bucket(None, node_id, 0)
    with connect(pair.url) as before:
        before.hset(keys.card(project_id), "epoch", 1)
    assert not await leases.renew(node, node_id)
    await writer.register(project_id, *new_session(), None, bucket)

    await pair.switch()

    assert await leases.renew(node, node_id)
    await writer.register(project_id, *new_session(), None, bucket)
    with connect(pair.url) as after:
        assert leases.is_alive(after, node_id)
        assert after.hlen(keys.bucket(project_id, bucket.name)) == 2


async def test_a_nodes_script_goes_on_with_the_new_primary(
    pair: Pair, node: AsyncRedis, node_id: NodeId
) -> None:
    """Also where it is the first to be told of the demotion."""
    await leases.release(node, node_id)

    await pair.switch()

    await run_async(node, scripts.RENEW_LEASE, [keys.lease(node_id)], ["beat", 10_000])
    with connect(pair.url) as after:
        assert leases.is_alive(after, node_id)
