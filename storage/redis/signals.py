"""Signals to nodes. They only hurry: what is lost is found by comparing with Redis."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from enum import Enum
from typing import Any, TypeAlias

import orjson
import structlog
from redis.asyncio.client import PubSub

from domain.errors import StorageUnavailable
from domain.ids import NodeId
from storage.redis import keys
from storage.redis.client import AsyncRedis, Redis, store_errors
from storage.redis.exchange import Command, exchange, without_errors

_log = structlog.get_logger(__name__)

PING_SECONDS = 1.0
"""After so long without a word the server is asked for one."""

SILENCES = 3
"""After so many of these without a word, in spite of asking, the subscription is lost."""

SHORTEST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

Signal: TypeAlias = dict[str, Any]


class Subscription(Enum):
    """What became of the subscription itself."""

    STANDS = "stands"
    """Every signal sent from now on arrives; earlier ones may be missing, so compare everything."""
    LOST = "lost"
    """Signals may be missing from some time before now, until it stands again."""


def send(client: Redis, node_id: NodeId, payload: Mapping[str, object]) -> bool:
    """Whether the node was listening."""
    return send_many(client, [(node_id, payload)]) == 1


def send_to_all(client: Redis, nodes: Iterable[NodeId], *payloads: Mapping[str, object]) -> None:
    """Each of these nodes that listens has been told all of it."""
    send_many(client, [(node, payload) for node in nodes for payload in payloads])


def send_many(
    client: Redis,
    payloads: Iterable[tuple[NodeId, Mapping[str, object]]],
    afterwards: Iterable[Command] = (),
) -> int:
    """How many of the signals found their node listening.

    Args:
        client: of the live state.
        payloads: each with the node that it is for.
        afterwards: commands that travel behind the signals, in the same round trip; whether they
            take effect is nobody's concern.
    """
    commands: list[Command] = [
        ("PUBLISH", keys.signals(node_id), orjson.dumps(payload)) for node_id, payload in payloads
    ]
    return sum(map(bool, without_errors(exchange(client, commands, afterwards))))


async def subscribe(
    client: AsyncRedis, node_id: NodeId, ping_seconds: float = PING_SECONDS
) -> AsyncGenerator[Signal | Subscription, None]:
    """The node's signals, without end; first, and after every loss, `Subscription.STANDS`.

    Nothing is raised when Redis is away: LOST is told once, then it is tried until it stands. Close
    the generator (`contextlib.aclosing`) to give its connection back.
    """
    pause = 0.0
    while True:
        stood = False
        try:
            async with aclosing(_listen(client, keys.signals(node_id), ping_seconds)) as items:
                async for item in items:
                    if item is Subscription.STANDS:
                        if stood:  # redis-py has lost the connection and made another by itself
                            yield Subscription.LOST
                        stood, pause = True, 0.0
                    yield item
        except StorageUnavailable as error:
            _log.warning("signals_lost", node_id=node_id, error=repr(error.__cause__))
        if stood:
            yield Subscription.LOST
        pause = min(max(SHORTEST_PAUSE_SECONDS, pause * 2), LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter


async def _listen(
    client: AsyncRedis, channel: str, ping_seconds: float
) -> AsyncGenerator[Signal | Subscription, None]:
    """What one subscription brings.

    Raises:
        StorageUnavailable: it failed or fell silent.
    """
    pubsub = client.pubsub()
    try:
        with store_errors():
            await pubsub.subscribe(channel)
        silences = 0
        while silences < SILENCES:
            message = await _next_message(pubsub, ping_seconds)
            silences = silences + 1 if message is None else 0
            item = _decode(message) if message else None
            if item is not None:
                yield item
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]
    raise StorageUnavailable


async def _next_message(pubsub: PubSub, ping_seconds: float) -> dict[str, Any] | None:
    """What the server said; None after a while of silence, when it has been asked for a word."""
    with store_errors():
        message: dict[str, Any] | None = await pubsub.get_message(timeout=ping_seconds)
        if message is None:
            await pubsub.ping()
    return message


def _decode(message: dict[str, Any]) -> Signal | Subscription | None:
    if message["type"] == "subscribe":
        return Subscription.STANDS
    if message["type"] != "message":
        return None
    try:
        payload = orjson.loads(message["data"])
    except orjson.JSONDecodeError:
        payload = None
    if not isinstance(payload, dict):
        _log.warning("signal_unreadable")
        return None
    return payload
