"""The few ways a command reaches Redis. All that this room sends goes through here.

A server that was demoted to a replica keeps its connections and answers every write with READONLY.
The address may lead to its successor by then: idle connections are dropped, and what was asked is
asked once more, of whoever answers there.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

import hiredis
import redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from domain.errors import StorageUnavailable
from storage.redis.client import TIMEOUT_SECONDS, AsyncRedis, Redis, store_errors
from storage.redis.scripts import Script

Part: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Part, ...]
Reply: TypeAlias = Any
T = TypeVar("T")


def ask(client: Redis, *command: Part) -> Reply:
    """The reply to one command.

    Raises:
        StorageUnavailable: no reply, or an error.
    """
    with store_errors():
        return _on_primary(client, partial(cast("Any", client).execute_command, *command))


def ask_all(client: Redis, commands: Iterable[Command]) -> list[Reply]:
    """The replies to many commands, sent together, not as one transaction.

    Raises:
        StorageUnavailable: a reply is missing or an error; some may have taken effect.
    """
    return without_errors(exchange(client, commands))


def exchange(
    client: Redis, commands: Iterable[Command], afterwards: Iterable[Command] = ()
) -> list[Reply]:
    """As `ask_all`, but a command's own error, other than READONLY, stands in its place.

    Args:
        client: of the live state.
        commands: those that are answered here.
        afterwards: sent behind them; whether they take effect is nobody's concern.
    """
    send = partial(_exchange_all, client, list(commands), list(afterwards))
    with store_errors():
        return _on_primary(client, send)


def _exchange_all(
    client: Redis, commands: Sequence[Command], afterwards: Sequence[Command]
) -> list[Reply]:
    with cast("Any", client).pipeline(transaction=False) as pipeline:
        for command in (*commands, *afterwards):
            pipeline.execute_command(*command)
        replies: list[Reply] = pipeline.execute(raise_on_error=False)[: len(commands)]
    for reply in replies:
        if isinstance(reply, ReadOnlyError):
            raise reply
    return replies


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
        return _on_primary(client, partial(_evaluate, client, script, keys, list(arguments)))


def _evaluate(client: Redis, script: Script, keys: Sequence[str], arguments: list[Part]) -> Reply:
    try:
        return client.evalsha(script.sha, len(keys), *keys, *arguments)
    except NoScriptError:
        return client.eval(script.text, len(keys), *keys, *arguments)


def _on_primary(client: Redis, send: Callable[[], T]) -> T:
    try:
        return send()
    except ReadOnlyError:
        client.connection_pool.disconnect(inuse_connections=False)
        return send()


async def ask_all_async(client: AsyncRedis, commands: Iterable[Command]) -> list[Reply]:
    """As `ask_all`."""
    return without_errors(await exchange_async(client, commands))


async def exchange_async(client: AsyncRedis, commands: Iterable[Command]) -> list[Reply]:
    """As `ask_all_async`, but a command's own error, other than READONLY, stands in its place.

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
                partial(_exchange_once, pool, connection, b"".join(packed), len(packed)),
                lambda error: connection.disconnect(error=error),
            )
        finally:
            await pool.release(connection)
    return replies


async def _exchange_once(pool: Any, connection: Any, packed: bytes, count: int) -> list[Reply]:
    """All the replies, in time. Cut short, the connection is closed: it holds others' replies."""
    replies = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await connection.send_packed_command(packed)
        for _ in range(count):
            try:
                replies.append(await connection.read_response(timeout=math.inf))
            except ReadOnlyError as error:
                await pool.disconnect(inuse_connections=False)
                raise redis.ConnectionError from error
            except ResponseError as error:
                replies.append(error)
    return replies


async def run_async(
    client: AsyncRedis, script: Script, keys: Sequence[str], arguments: Iterable[Part]
) -> Reply:
    """As `run`."""
    arguments = list(arguments)
    with store_errors():
        try:
            return await _evaluate_async(client, script, keys, arguments)
        except ReadOnlyError:
            await client.connection_pool.disconnect(inuse_connections=False)
            return await _evaluate_async(client, script, keys, arguments)


async def _evaluate_async(
    client: AsyncRedis, script: Script, keys: Sequence[str], arguments: list[Part]
) -> Reply:
    try:
        return await client.evalsha(script.sha, len(keys), *keys, *arguments)
    except NoScriptError:
        return await client.eval(script.text, len(keys), *keys, *arguments)
