"""The few ways a command reaches Redis. All that this room sends goes through here."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

import hiredis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from domain.errors import StorageUnavailable
from storage.redis.client import TIMEOUT_SECONDS, AsyncRedis, Redis, store_errors
from storage.redis.scripts import Script

Part: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Part, ...]
Reply: TypeAlias = Any


def ask(client: Redis, *command: Part) -> Reply:
    """The reply to one command.

    Raises:
        StorageUnavailable: no reply, or an error.
    """
    with store_errors():
        return client.execute_command(*command)  # type: ignore[no-untyped-call]


def ask_all(client: Redis, commands: Iterable[Command]) -> list[Reply]:
    """The replies to many commands, sent together, not as one transaction.

    Raises:
        StorageUnavailable: a reply is missing or an error; some may have taken effect.
    """
    return without_errors(exchange(client, commands))


def exchange(client: Redis, commands: Iterable[Command]) -> list[Reply]:
    """As `ask_all`, but a command's own error stands in the place of its reply."""
    with store_errors(), cast("Any", client).pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        return cast("list[Reply]", pipeline.execute(raise_on_error=False))


def without_errors(replies: list[Reply]) -> list[Reply]:
    """The replies, none of which is an error.

    Raises:
        StorageUnavailable: one is.
    """
    for reply in replies:
        if isinstance(reply, RedisError):
            raise StorageUnavailable from reply
    return replies


def run(client: Redis, script: Script, keys: Sequence[str], arguments: Iterable[Part]) -> Reply:
    """What the script returns, whether or not the server had it already.

    Raises:
        StorageUnavailable: no reply, or an error; the script may have taken effect.
    """
    with store_errors():
        try:
            return client.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return client.eval(script.text, len(keys), *keys, *arguments)


async def ask_all_async(client: AsyncRedis, commands: Iterable[Command]) -> list[Reply]:
    """As `ask_all`."""
    return without_errors(await exchange_async(client, commands))


async def exchange_async(client: AsyncRedis, commands: Iterable[Command]) -> list[Reply]:
    """As `ask_all_async`, but a command's own error stands in the place of its reply.

    It does what a pipeline of redis-py does, for less: every hello passes here, and a pipeline
    packs in Python, sets a timer for each reply and keeps figures that nobody reads. A command's
    name is one word: `SCRIPT LOAD` is two parts.
    """
    packed = [hiredis.pack_command(cast("Any", command)) for command in commands]
    if not packed:
        return []
    pool = cast("Any", client.connection_pool)
    with store_errors():
        connection = await pool.get_connection()
        try:
            replies: list[Reply] = await connection.retry.call_with_retry(
                partial(_exchange_once, connection, b"".join(packed), len(packed)),
                lambda error: connection.disconnect(error=error),
            )
        finally:
            await pool.release(connection)
    return replies


async def _exchange_once(connection: Any, packed: bytes, count: int) -> list[Reply]:
    """All the replies, in time. Cut short, the connection is closed: it holds others' replies."""
    replies = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await connection.send_packed_command(packed)
        for _ in range(count):
            try:
                replies.append(await connection.read_response(timeout=math.inf))
            except ResponseError as error:
                replies.append(error)
    return replies


async def run_async(
    client: AsyncRedis, script: Script, keys: Sequence[str], arguments: Iterable[Part]
) -> Reply:
    """As `run`."""
    with store_errors():
        try:
            return await client.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await client.eval(script.text, len(keys), *keys, *arguments)
