"""Leases tell who is alive, and a node whether it has been so all the time."""

import time

import pytest

from domain.errors import StorageUnavailable
from domain.ids import NodeId
from gateway.lease import Lease
from storage.redis import keys, leases, scripts
from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import run

pytestmark = pytest.mark.anyio


async def test_a_node_is_alive_while_its_lease_stands(
    redis: Redis, node_redis: AsyncRedis, node_id: NodeId
) -> None:
    """Ten seconds from each renewal; then it is known and dead, until it is removed."""
    assert leases.list_nodes(redis) == {}
    for _ in range(2):
        began = time.monotonic()
        await leases.renew(node_redis, node_id)
        assert leases.list_nodes(redis) == {node_id: True}
        left = redis.pttl(keys.lease(node_id))
        elapsed = (time.monotonic() - began) * 1000
        assert 10_000 - elapsed - 2 <= left <= 10_000
        redis.pexpire(keys.lease(node_id), 5_000)

    await leases.release(node_redis, node_id)
    assert leases.list_nodes(redis) == {node_id: False}


async def test_a_renewal_tells_whether_the_lease_stood(
    redis: Redis, node_redis: AsyncRedis, node_id: NodeId
) -> None:
    """After a gap the node has to write its sessions again."""
    assert await leases.renew(node_redis, node_id) is False
    assert await leases.renew(node_redis, node_id) is True
    assert await leases.renew(node_redis, node_id) is True
    redis.delete(keys.lease(node_id))
    assert await leases.renew(node_redis, node_id) is False
    assert await leases.renew(node_redis, node_id) is True
    redis.flushall()
    assert await leases.renew(node_redis, node_id) is False
    assert leases.list_nodes(redis) == {node_id: True}


async def test_a_renewal_whose_answer_is_lost_hides_no_gap(
    redis: Redis, node_redis: AsyncRedis, node_id: NodeId
) -> None:
    """The next one finds the lease standing, and says all the same that it had ended."""
    is_cut, losses = False, 0

    async def renew(*beat: str) -> bool:
        stood = await leases.renew(node_redis, node_id, *beat)
        if is_cut:
            raise StorageUnavailable
        return stood

    def note_loss() -> None:
        nonlocal losses
        losses += 1

    lease = Lease(renew, note_loss)
    assert await lease.renew_once()
    redis.delete(keys.lease(node_id))
    is_cut = True
    assert not await lease.renew_once()
    assert leases.list_nodes(redis) == {node_id: True}
    assert not await lease.renew_once()

    is_cut = False
    assert await lease.renew_once()

    assert losses == 1
    assert await lease.renew_once()
    assert losses == 1


async def test_every_renewal_lists_the_node(
    redis: Redis, node_redis: AsyncRedis, node_id: NodeId
) -> None:
    """Whoever removed it meanwhile, wrongly, hides it no longer than until the next."""
    await leases.renew(node_redis, node_id)
    redis.srem(keys.NODES, node_id)

    assert await leases.renew(node_redis, node_id) is True

    assert leases.list_nodes(redis) == {node_id: True}


def test_a_renewal_sent_twice_hides_no_gap(redis: Redis, node_id: NodeId) -> None:
    """The second time it finds its own lease, and says what the first one found."""
    key = [keys.lease(node_id)]
    assert run(redis, scripts.RENEW_LEASE, key, ["first", 10_000]) == 0
    assert run(redis, scripts.RENEW_LEASE, key, ["first", 10_000]) == 0
    assert run(redis, scripts.RENEW_LEASE, key, ["second", 10_000]) == 1
    assert run(redis, scripts.RENEW_LEASE, key, ["second", 10_000]) == 1
