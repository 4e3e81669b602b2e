"""Commands leave together, in order, and everybody is answered."""

import asyncio

import pytest

from domain.errors import StorageUnavailable
from storage.redis.client import AsyncRedis, Redis
from storage.redis.command_queue import BATCH_SIZE, CommandQueue

pytestmark = pytest.mark.anyio


async def test_more_than_a_pipeline_holds_is_answered_in_order(
    redis: Redis, node_redis: AsyncRedis
) -> None:
    """Each with its own reply."""
    queue = CommandQueue(node_redis, ())
    answers = [queue.ask(("INCR", "counter"), int) for _ in range(3 * BATCH_SIZE + 1)]
    assert await asyncio.gather(*answers) == list(range(1, 3 * BATCH_SIZE + 2))


async def test_what_goes_before_is_sent_once(redis: Redis, node_redis: AsyncRedis) -> None:
    """For all of a pipeline that name the same."""
    queue = CommandQueue(node_redis, ())
    before = (("RPUSH", "list", "a"), ("RPUSH", "list", "b"))
    answers = [queue.ask(("LLEN", "list"), int, before=before[n % 2 :]) for n in range(10)]
    assert await asyncio.gather(*answers) == [2] * 10


async def test_one_bad_command_fails_alone(redis: Redis, node_redis: AsyncRedis) -> None:
    """Whether the server does not want it or its reply makes no sense."""
    queue = CommandQueue(node_redis, ())
    answers = [
        queue.ask(("SET", "text", "x"), bool),
        queue.ask(("INCR", "text"), int),
        queue.ask(("GET", "text"), int),
        queue.ask(("GET", "text"), bytes),
    ]
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(result) for result in results] == [bool, *[StorageUnavailable] * 2, bytes]


async def test_draining_answers_what_was_asked(redis: Redis, node_redis: AsyncRedis) -> None:
    """Nobody is left waiting when the node ends."""
    queue = CommandQueue(node_redis, ())
    answers = [queue.ask(("PING",), bool) for _ in range(2 * BATCH_SIZE)]
    await queue.drain()
    assert all(answer.done() for answer in answers)
    await queue.drain()


async def test_what_was_done_after_a_refusal_is_not_undone(
    redis: Redis, node_redis: AsyncRedis
) -> None:
    """Both were asked at once, and owe the same: what the first left owing ends with the second."""
    queue = CommandQueue(node_redis, ())
    owed = ("DEL", "stands")
    refused = queue.ask(("EVAL", "return redis.error_reply('OOM for now')", 0), int, owed=owed)
    done = queue.ask(("SET", "stands", 1), bool, owed=owed)

    assert await done
    with pytest.raises(StorageUnavailable):
        await refused
    await queue.drain()
    assert redis.exists("stands")
