"""Receipts gather what nodes answer."""

import asyncio
import time
import uuid
from contextlib import suppress

import pytest

from domain.errors import StorageUnavailable
from domain.ids import NodeId, ProjectId, RotationId
from storage.redis import keys, receipts
from storage.redis.client import AsyncRedis, Redis, connect
from storage.redis.receipts import ReceiptState
from tests.waiting import until, wait_until

pytestmark = pytest.mark.anyio

ROTATION = RotationId("a-rotation")
ONE, TWO = NodeId("one"), NodeId("two:8400")


async def test_a_receipt_tells_who_was_asked_and_who_answered(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """Closing none is an answer too."""
    receipts.open_receipt(redis, project_id, ROTATION, [ONE, TWO])
    assert receipts.read(redis, project_id, ROTATION) == ReceiptState(0, frozenset({ONE, TWO}), {})

    await receipts.answer(node_redis, project_id, ROTATION, TWO, 0, "an-answer")
    assert receipts.read(redis, project_id, ROTATION).closed == {TWO: 0}


async def test_a_later_answer_adds_to_the_first(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """A socket that closed late belongs to the same revocation."""
    receipts.open_receipt(redis, project_id, ROTATION, [ONE])
    answers = [
        receipts.answer(node_redis, project_id, ROTATION, node, closed, answer_id)
        for node, closed, answer_id in (
            (ONE, 100, "a"),
            (ONE, 1, "b"),
            (TWO, 7, "a"),
            (ONE, 2, "c"),
        )
    ]
    await asyncio.gather(*answers)

    assert receipts.read(redis, project_id, ROTATION).closed == {ONE: 103, TWO: 7}


async def test_an_answer_given_again_counts_once(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """Nobody knew whether the first was taken; and it may arrive after one that grew since."""
    for closed in (5, 5, 7, 5):
        await receipts.answer(node_redis, project_id, ROTATION, TWO, closed, "an-answer")

    assert receipts.read(redis, project_id, ROTATION).closed == {TWO: 7}


async def test_opening_again_keeps_what_is_there(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """The event may be worked on twice, with other nodes alive by then."""
    receipts.open_receipt(redis, project_id, ROTATION, [ONE])
    await receipts.answer(node_redis, project_id, ROTATION, ONE, 5, "an-answer")
    redis.hset(keys.receipt(project_id, ROTATION), "targeted", 6)

    receipts.open_receipt(redis, project_id, ROTATION, [TWO])

    assert receipts.read(redis, project_id, ROTATION) == ReceiptState(
        6, frozenset({ONE, TWO}), {ONE: 5}
    )


def test_a_receipt_without_nodes_is_open(redis: Redis, project_id: ProjectId) -> None:
    """Nobody is asked when nobody is there."""
    receipts.open_receipt(redis, project_id, ROTATION, [])
    assert receipts.read(redis, project_id, ROTATION) == ReceiptState(0, frozenset(), {})
    assert redis.exists(keys.receipt(project_id, ROTATION))


async def test_receipts_are_kept_apart(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """By rotation and by project."""
    other = ProjectId(str(uuid.uuid4()))
    await receipts.answer(node_redis, project_id, ROTATION, ONE, 1, "an-answer")
    await receipts.answer(node_redis, other, ROTATION, ONE, 2, "an-answer")
    await receipts.answer(node_redis, project_id, RotationId("another"), ONE, 3, "an-answer")
    assert receipts.read(redis, project_id, ROTATION).closed == {ONE: 1}


async def test_receipts_and_bells_end_by_themselves(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """A day and a minute after the last word."""
    receipts.open_receipt(redis, project_id, ROTATION, [ONE])
    assert 0 < redis.ttl(keys.receipt(project_id, ROTATION)) <= keys.RECEIPT_SECONDS
    await receipts.answer(node_redis, project_id, ROTATION, ONE, 1, "an-answer")
    assert 0 < redis.ttl(keys.bell(project_id, ROTATION)) <= keys.BELL_SECONDS


async def test_who_waits_is_woken_by_an_answer(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """While it waits, not at the end of its time."""
    waiting = asyncio.create_task(
        asyncio.to_thread(receipts.wait_for_answer, redis, project_id, ROTATION, 10)
    )
    await until(lambda: redis.info("clients")["blocked_clients"] == 1)
    await receipts.answer(node_redis, project_id, ROTATION, ONE, 1, "an-answer")

    assert await waiting is True


async def test_an_answer_that_came_before_is_not_waited_for(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """Each answer wakes once."""
    await receipts.answer(node_redis, project_id, ROTATION, ONE, 1, "an-answer")
    assert receipts.wait_for_answer(redis, project_id, ROTATION, 10) is True
    assert receipts.wait_for_answer(redis, project_id, ROTATION, 0.05) is False
    assert receipts.wait_for_answer(redis, project_id, ROTATION, 0) is False


def test_waiting_may_last_longer_than_a_connection_may_be_silent(
    redis_url: str, project_id: ProjectId
) -> None:
    """A wait is no outage. That of a machine that stands still is: then it is tried again."""

    def is_waited_to_the_end() -> bool:
        began = time.monotonic()
        with (
            connect(f"{redis_url}?socket_timeout=1.2") as redis,
            suppress(StorageUnavailable),
        ):
            assert receipts.wait_for_answer(redis, project_id, ROTATION, 1.5) is False
            return time.monotonic() - began >= 1.5
        return False

    wait_until(is_waited_to_the_end)
