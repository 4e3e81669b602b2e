"""The few ways a command reaches Redis. All that this room sends goes through here."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

from redis.exceptions import NoScriptError, RedisError

from domain.errors import StorageUnavailable
from storage.redis.client import AsyncRedis, Redis, store_errors
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
    with store_errors(), cast("Any", client).pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        return cast("list[Reply]", pipeline.execute())


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
    replies = await exchange_async(client, commands)
    for reply in replies:
        if isinstance(reply, RedisError):
            raise StorageUnavailable from reply
    return replies


async def exchange_async(client: AsyncRedis, commands: Iterable[Command]) -> list[Reply]:
    """As `ask_all_async`, but a command's own error stands in the place of its reply."""
    with store_errors():
        async with client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)


async def run_async(
    client: AsyncRedis, script: Script, keys: Sequence[str], arguments: Iterable[Part]
) -> Reply:
    """As `run`."""
    with store_errors():
        try:
            return await client.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await client.eval(script.text, len(keys), *keys, *arguments)
