"""Connections to Redis, bounded in time and number, and what they raise."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from domain.errors import StorageUnavailable

Redis: TypeAlias = redis.Redis
AsyncRedis: TypeAlias = redis.asyncio.Redis

TIMEOUT_SECONDS = 2.0
"""How long to wait for a connection, for a free one in the pool, and for a reply."""

HEALTH_CHECK_SECONDS = 15
MAX_CONNECTIONS = 32
RETRY_AFTER_SECONDS = 0.05

# A broken connection is tried once more (the server restarted, or dropped an idle client); a
# silent one is not, because whoever waits has waited long enough.
_RETRIES = 1
_RETRIED = (redis.ConnectionError,)

_OPTIONS: dict[str, Any] = {
    # Everything here exists in RESP2, and every proxy and managed Redis speaks it.
    "protocol": 2,
    "socket_timeout": TIMEOUT_SECONDS,
    "socket_connect_timeout": TIMEOUT_SECONDS,
    "health_check_interval": HEALTH_CHECK_SECONDS,
    "max_connections": MAX_CONNECTIONS,
    "timeout": TIMEOUT_SECONDS,
}


def connect(url: str) -> Redis:
    """A client for workers, the dashboard and the command line; nothing is sent yet.

    Raises:
        ValueError: the URL is none of Redis.
    """
    retry = Retry(ConstantBackoff(RETRY_AFTER_SECONDS), _RETRIES, _RETRIED)
    return redis.Redis.from_pool(
        redis.BlockingConnectionPool.from_url(url, retry=retry, **_OPTIONS)
    )


def connect_async(url: str) -> AsyncRedis:
    """A client for the gateway; nothing is sent yet.

    Raises:
        ValueError: the URL is none of Redis.
    """
    retry = AsyncRetry(ConstantBackoff(RETRY_AFTER_SECONDS), _RETRIES, _RETRIED)
    return redis.asyncio.Redis.from_pool(
        redis.asyncio.BlockingConnectionPool.from_url(url, retry=retry, **_OPTIONS)
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """What Redis or its connection raises inside leaves as `StorageUnavailable`."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise StorageUnavailable from error


class ServerIdentity(NamedTuple):
    """A server and the history it serves; both change where it may have lost what it held."""

    run_id: str
    replication_id: str


def identify(client: Redis) -> ServerIdentity:
    """Which server answers, and which history of writes it has.

    Raises:
        StorageUnavailable: none answers.
    """
    with store_errors():
        facts: dict[str, Any] = client.info("server") | client.info("replication")
    return _identity(facts)


async def identify_async(client: AsyncRedis) -> ServerIdentity:
    """As `identify`."""
    with store_errors():
        facts: dict[str, Any] = await client.info("server") | await client.info("replication")
    return _identity(facts)


def _identity(facts: Mapping[str, Any]) -> ServerIdentity:
    return ServerIdentity(str(facts["run_id"]), str(facts["master_replid"]))


class ServerFacts(NamedTuple):
    """A server's version, and which keys it would evict for want of memory."""

    version: str
    eviction: str


def read_facts(client: Redis) -> ServerFacts:
    """What a server says of itself; needs no administrator's command.

    Raises:
        StorageUnavailable: none answers.
    """
    with store_errors():
        facts: dict[str, Any] = client.info("server") | client.info("memory")
    return ServerFacts(str(facts["redis_version"]), str(facts["maxmemory_policy"]))
