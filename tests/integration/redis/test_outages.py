"""What callers see when Redis is away, and what is put right when it is back."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Protocol

import pytest

from domain.cards import Card
from domain.errors import StorageUnavailable
from domain.ids import NodeId, ProjectId, RotationId
from storage.redis import keys, leases, publications, receipts, sessions, signals
from storage.redis.buckets import Bucket
from storage.redis.cards import read_cards, read_versions
from storage.redis.client import AsyncRedis, Redis, connect, connect_async, identify
from storage.redis.session_writer import RegisterResult, SessionWriter
from storage.redis.sessions import count_by_generation
from tests.integration.redis.conftest import Publish, new_session
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ROTATION = RotationId("rotation")
TIMEOUT_SECONDS = 0.8


class RefuseWrites(Protocol):
    """Makes the server refuse to write, or write again."""

    def __call__(self, *, is_on: bool) -> None:
        """It does so from now on."""


@pytest.fixture
def paused(redis_server: RedisServer, redis: Redis) -> Iterator[RedisServer]:
    """The server, which goes on after the test whatever happens in it."""
    yield redis_server
    redis_server.resume()


@pytest.fixture
def other_server() -> Iterator[RedisServer]:
    """A server of this test alone, to be killed."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def refusing(redis: Redis) -> Iterator[RefuseWrites]:
    """Whether the server refuses to write, for want of replicas."""

    def refuse(*, is_on: bool) -> None:
        redis.config_set("min-replicas-to-write", int(is_on))

    yield refuse
    refuse(is_on=False)


@pytest.fixture
async def hasty(redis_url: str, node_id: NodeId) -> AsyncIterator[SessionWriter]:
    """The node's writer, which waits for an answer no longer than a test likes to."""
    client = connect_async(f"{redis_url}?socket_timeout={TIMEOUT_SECONDS}")
    writer = SessionWriter(client, node_id)
    yield writer
    await writer.drain()
    await client.aclose()


async def test_nobody_waits_longer_than_one_timeout(
    paused: RedisServer, hasty: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """Who asked while the others were waiting is answered with the first, in the same turn."""
    paused.pause()
    bucket = Bucket(None, node_id, 0)
    answers = []
    for _ in range(3):
        answers.append(hasty.register(project_id, *new_session(), None, bucket))
        for _ in range(10):  # turns of the loop: it is sent, or waits for what was
            await asyncio.sleep(0)

    await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)

    assert [type(answer.exception()) for answer in answers] == [StorageUnavailable] * 3


async def test_what_a_failed_register_left_is_removed(
    paused: RedisServer,
    redis: Redis,
    writer: SessionWriter,
    hasty: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """A paused server carries the command out when it goes on; the caller was told otherwise."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    kept, visitor = new_session()
    await writer.register(project_id, kept, visitor, None, bucket)
    paused.pause()
    with pytest.raises(StorageUnavailable):
        await hasty.register(project_id, *new_session(), None, bucket)
    unanswered = hasty.unregister(project_id, kept, bucket)
    with pytest.raises(StorageUnavailable):
        await unanswered
    paused.resume()

    await until(lambda: count_by_generation(redis, project_id) == {})


async def test_what_is_owed_comes_before_what_is_asked_later(
    paused: RedisServer,
    redis: Redis,
    hasty: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """A session that was refused and is registered again stands."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    session, visitor = new_session()
    paused.pause()
    with pytest.raises(StorageUnavailable):
        await hasty.register(project_id, session, visitor, None, bucket)
    paused.resume()

    again = None
    for _ in range(9):  # on a machine that stands still it is refused again
        with suppress(StorageUnavailable):
            again = await hasty.register(project_id, session, visitor, None, bucket)
            break

    assert again is RegisterResult.REGISTERED
    assert count_by_generation(redis, project_id) == {None: 1}


async def test_an_answer_that_nobody_awaits_complains_nowhere(
    paused: RedisServer, hasty: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """A closed socket does not wait for its record to go."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    paused.pause()
    hasty.unregister(project_id, new_session()[0], Bucket(None, node_id, 0))
    await hasty.drain()
    gc.collect()
    assert complaints == []


async def test_a_caller_that_went_away_disturbs_nobody(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """The others of its batch are answered."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    gone = writer.register(project_id, *new_session(), None, bucket)
    stays = writer.register(project_id, *new_session(), None, bucket)
    gone.cancel()
    assert await stays is RegisterResult.REGISTERED


async def test_the_next_command_after_a_restart_is_answered(
    redis_server: RedisServer,
    redis: Redis,
    node_redis: AsyncRedis,
    writer: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """On connections that the restart broke; and what Redis lost is missing, not zero."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    await writer.register(project_id, *new_session(), None, bucket)
    redis_server.restart()

    assert publications.raise_epoch(redis, project_id, 2) is None
    assert await read_cards(node_redis, [project_id]) == {project_id: None}
    missing = await writer.register(project_id, *new_session(), None, bucket)
    assert missing is RegisterResult.CARD_MISSING


async def test_a_dead_server_is_unavailable_everywhere(
    other_server: RedisServer, project_id: ProjectId, node_id: NodeId
) -> None:
    """One error, whatever was asked."""
    client = connect(other_server.url)
    other_server.kill()
    asks: list[Callable[[], object]] = [
        lambda: publications.begin_publication(client, project_id, "n"),
        lambda: publications.publish(client, Card(project_id, 1, 1), "n"),
        lambda: publications.publish_unknown(client, project_id, "n"),
        lambda: publications.raise_epoch(client, project_id, 1),
        lambda: publications.read_versions(client, [project_id]),
        lambda: sessions.drop_generations(client, project_id, 1, None),
        lambda: sessions.drop_node(client, node_id),
        lambda: sessions.count_by_generation(client, project_id),
        lambda: list(sessions.list_sessions(client, project_id)),
        lambda: leases.list_nodes(client),
        lambda: signals.send(client, node_id, {}),
        lambda: receipts.open_receipt(client, project_id, ROTATION, [node_id]),
        lambda: receipts.read(client, project_id, ROTATION),
        lambda: receipts.wait_for_answer(client, project_id, ROTATION, 1),
        lambda: identify(client),
    ]
    for ask in asks:
        with pytest.raises(StorageUnavailable):
            ask()
    client.close()


async def test_a_dead_server_is_unavailable_for_a_node_too(
    other_server: RedisServer, project_id: ProjectId, node_id: NodeId
) -> None:
    """On the loop that gateways run on, also where the connection stood before."""
    client = connect_async(other_server.url)
    writer = SessionWriter(client, node_id)
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: read_cards(client, [project_id]),
        lambda: read_versions(client, [project_id]),
        lambda: leases.renew(client, node_id),
        lambda: leases.release(client, node_id),
        lambda: receipts.answer(client, project_id, ROTATION, node_id, 1, "an-answer"),
        lambda: writer.unregister(project_id, new_session()[0], Bucket(None, node_id, 0)),
    ]
    await asyncio.gather(*(ask() for ask in asks))
    other_server.kill()
    for ask in asks:
        with pytest.raises(StorageUnavailable):
            await ask()
    await writer.drain()
    await client.aclose()


async def test_a_full_server_is_unavailable_and_still_lets_sessions_go(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """Nothing is evicted; one refused command does not fail its neighbours."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    session, visitor = new_session()
    await writer.register(project_id, session, visitor, None, bucket)
    redis.config_set("maxmemory", "1")
    try:
        refused = writer.register(project_id, *new_session(), None, bucket)
        gone = writer.unregister(project_id, session, bucket)
        with pytest.raises(StorageUnavailable):
            await refused
        assert await gone is True
        with pytest.raises(StorageUnavailable):
            publications.raise_epoch(redis, project_id, 2)
    finally:
        redis.config_set("maxmemory", "0")
    assert redis.exists(keys.card(project_id))


async def test_what_a_server_refuses_for_now_is_removed_later(
    refusing: RefuseWrites,
    redis: Redis,
    writer: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """It answers, and yet writes nothing: for want of replicas, of a disk, of time."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    session, visitor = new_session()
    await writer.register(project_id, session, visitor, None, bucket)
    refusing(is_on=True)
    with pytest.raises(StorageUnavailable):
        await writer.unregister(project_id, session, bucket)
    refusing(is_on=False)

    await until(lambda: count_by_generation(redis, project_id) == {})


async def test_what_is_asked_anew_is_not_removed_later(
    refusing: RefuseWrites,
    redis: Redis,
    writer: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """What the first refusal left owing ends with the second asking."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    session, visitor = new_session()
    refusing(is_on=True)
    with pytest.raises(StorageUnavailable):
        await writer.register(project_id, session, visitor, None, bucket)
    refusing(is_on=False)

    await writer.register(project_id, session, visitor, None, bucket)
    await writer.drain()

    assert count_by_generation(redis, project_id) == {None: 1}


async def test_what_a_server_never_does_is_not_asked_for_again(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """A key that is no bucket stays none."""
    bucket = Bucket(None, node_id, 0)
    redis.set(keys.bucket(project_id, bucket.name), "no hash")
    with pytest.raises(StorageUnavailable):
        await writer.unregister(project_id, new_session()[0], bucket)
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    await writer.drain()

    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before


def test_a_restarted_server_is_another_one(other_server: RedisServer) -> None:
    """So that the sweep knows when all cards have to be published again."""
    with connect(other_server.url) as client:
        before = identify(client)
        assert identify(client) == before
        other_server.restart()
        assert identify(client) != before
