"""Clients of a Redis that is empty as each test begins, and ids to write into it."""

import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from domain.cards import Card
from domain.ids import NodeId, ProjectId, SessionId, VisitorId
from storage.redis import publications
from storage.redis.client import AsyncRedis, Redis, connect, connect_async
from storage.redis.session_writer import SessionWriter

Publish = Callable[..., Card]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that the gateway runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client as workers have it."""
    client = connect(redis_url)
    yield client
    client.close()


@pytest.fixture
async def node_redis(redis_url: str, anyio_backend: object) -> AsyncIterator[AsyncRedis]:
    """A client as the gateway has it."""
    client = connect_async(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def project_id() -> ProjectId:
    """A project that nothing is known of yet."""
    return ProjectId(str(uuid.uuid4()))


@pytest.fixture
def node_id() -> NodeId:
    """A node of this test."""
    return NodeId(f"node-{secrets.token_hex(4)}")


@pytest.fixture
def publish(redis: Redis) -> Publish:
    """Publishes a project's card as a worker would."""

    def publish(project_id: ProjectId, epoch: int = 1, revision: int = 1) -> Card:
        card = Card(project_id, epoch, revision)
        seed = publications.begin_publication(redis, project_id, secrets.token_hex(8))
        assert publications.publish(redis, card, seed)
        return card

    return publish


@pytest.fixture
async def writer(node_redis: AsyncRedis, node_id: NodeId) -> AsyncIterator[SessionWriter]:
    """The node's writer."""
    writer = SessionWriter(node_redis, node_id)
    yield writer
    await writer.drain()


def new_session() -> tuple[SessionId, VisitorId]:
    """A session and the visitor it belongs to."""
    return SessionId(str(uuid.uuid4())), VisitorId(str(uuid.uuid4()))
