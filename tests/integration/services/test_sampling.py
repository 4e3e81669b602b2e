"""Live sessions are sampled once in five minutes, every project in its turn."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import NodeId, ProjectId
from services.sample_sessions import sample_sessions
from services.stores import Stores
from storage.redis import figures, keys, leases
from storage.redis.client import connect, connect_async
from storage.sql.engine import Database
from tests.integration.scenes import SEALER, add_project, open_transactor

NODE = NodeId("node-a")
NOON = datetime(2026, 11, 22, 12, 2, tzinfo=UTC)
SLOT = timedelta(minutes=5)


@pytest.fixture
def stores(database: Database, redis_url: str) -> Iterator[Stores]:
    """SQL and Redis, with one living node."""
    asyncio.run(_live(redis_url))
    transactor, _ = open_transactor(database)
    redis = connect(redis_url)
    yield Stores(transactor, redis, SEALER)
    redis.close()


async def _live(url: str) -> None:
    client = connect_async(url)
    await leases.renew(client, NODE)
    await client.persist(keys.lease(NODE))
    await client.aclose()


def connect_sessions(stores: Stores, counts: Mapping[str, int]) -> ProjectId:
    """A new project with so many live sessions in each kind of bucket, as its node writes them."""
    project_id = add_project(stores.transactor)
    stores.redis.sadd(keys.node_projects(NODE), project_id)
    for kind, count in counts.items():
        name = f"{kind}:{NODE}:0"
        stores.redis.sadd(keys.buckets(project_id), name)
        members = {bytes([n] * 16): b"v" * 16 for n in range(count)}
        stores.redis.hset(keys.bucket(project_id, name), mapping=members)
    return project_id


def sampled(stores: Stores, project_id: ProjectId) -> dict[int, dict[int | None, int]]:
    """The samples of the hour at noon."""
    [hour] = figures.read_hours(stores.redis, project_id, [figures.hour_of(NOON)])
    return hour.live


def test_a_slot_is_sampled_once(stores: Stores) -> None:
    """The sweep looks every few seconds; what comes later counts in the next slot."""
    project_id = connect_sessions(stores, {"anon": 3, "2": 4})

    assert sample_sessions(stores, NOON) == 1
    stores.redis.hset(keys.bucket(project_id, f"2:{NODE}:0"), b"x" * 16, b"v" * 16)
    assert sample_sessions(stores, NOON + timedelta(minutes=1)) == 0
    assert sample_sessions(stores, NOON + SLOT) == 1

    assert sampled(stores, project_id) == {0: {None: 3, 2: 4}, 1: {None: 3, 2: 5}}


def test_a_project_without_sessions_costs_nothing(stores: Stores) -> None:
    """No key is written for one whose visitors have gone."""
    project_id = connect_sessions(stores, {})

    assert sample_sessions(stores, NOON) == 0
    assert not stores.redis.exists(keys.figures(project_id, figures.hour_of(NOON)))


def test_a_long_round_goes_on_where_it_stopped(stores: Stores) -> None:
    """With more projects than one sweep takes, each comes up, even into the next slot."""
    projects = sorted(connect_sessions(stores, {"anon": 1}) for _ in range(5))

    counts = [sample_sessions(stores, NOON + n * SLOT, at_once=2) for n in (0, 0, 1, 1, 1, 1, 1, 1)]

    assert counts[:3] == [2, 2, 1]
    assert counts[3:] == [0] * 5
    assert [sorted(sampled(stores, each)) for each in projects] == [[0]] * 4 + [[1]]
