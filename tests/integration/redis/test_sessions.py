"""Workers count, list and drop live sessions."""

import threading
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.ids import NodeId, ProjectId, RotationId, SessionId
from storage.redis import keys, leases, publications, receipts, scripts, sessions
from storage.redis.buckets import Bucket, BucketAllocator
from storage.redis.client import AsyncRedis, Redis, connect
from storage.redis.exchange import run
from storage.redis.leases import release, renew
from storage.redis.session_writer import BindStatus, SessionWriter
from tests.integration.redis.conftest import Publish, new_session

pytestmark = pytest.mark.anyio

ROTATION = RotationId("a-rotation")


class Crowd:
    """Fills Redis with the sessions of one node."""

    def __init__(self, client: AsyncRedis, node_id: NodeId, capacity: int = 200) -> None:
        self.writer = SessionWriter(client, node_id)
        self.allocator = BucketAllocator(node_id, capacity)

    async def add(
        self, project_id: ProjectId, generation: int | None, count: int
    ) -> set[SessionId]:
        """So many sessions more; returns them."""
        added = set()
        for _ in range(count):
            session, visitor = new_session()
            bucket = self.allocator.take(project_id, generation)
            if generation is None:
                answer = self.writer.register(project_id, session, visitor, None, bucket)
            else:
                answer = self.writer.bind(
                    project_id, session, visitor, generation, None, bucket, None
                )
            added.add(session)
        await answer
        return added


@pytest.fixture
async def crowd(node_redis: AsyncRedis, node_id: NodeId) -> AsyncIterator[Crowd]:
    """Sessions of one node, ten to a bucket."""
    crowd = Crowd(node_redis, node_id, capacity=10)
    yield crowd
    await crowd.writer.drain()


def _listed(redis: Redis, project_id: ProjectId) -> set[SessionId]:
    return {each.session_id for each in sessions.list_sessions(redis, project_id)}


async def test_sessions_are_counted_by_generation(
    redis: Redis, crowd: Crowd, project_id: ProjectId, publish: Publish
) -> None:
    """Anonymous ones under None; a project without sessions has no counts."""
    publish(project_id)
    await crowd.add(project_id, 1, 25)
    await crowd.add(project_id, 2, 3)
    await crowd.add(project_id, None, 40)

    assert sessions.count_by_generation(redis, project_id) == {1: 25, 2: 3, None: 40}
    assert sessions.count_by_generation(redis, ProjectId(str(uuid.uuid4()))) == {}


async def test_generations_below_the_epoch_are_dropped(
    redis: Redis, crowd: Crowd, project_id: ProjectId, publish: Publish
) -> None:
    """Not the epoch's own, no later one, no anonymous one, none of another project."""
    other = ProjectId(str(uuid.uuid4()))
    publish(project_id)
    publish(other)
    kept = await crowd.add(project_id, 10, 30) | await crowd.add(project_id, 11, 5)
    kept |= await crowd.add(project_id, None, 30)
    for generation in (2, 9):
        await crowd.add(project_id, generation, 30)
    others = await crowd.add(other, 2, 30)

    dropped = sessions.drop_generations(redis, project_id, 10, None)

    assert dropped == 60
    assert _listed(redis, project_id) == kept
    assert _listed(redis, other) == others
    names = [Bucket.parse(each.decode()) for each in redis.smembers(keys.buckets(project_id))]
    assert {bucket.generation for bucket in names} == {10, 11, None}
    assert not redis.keys(f"{{{project_id}}}:s:9:*") + redis.keys(f"{{{project_id}}}:s:2:*")
    assert not redis.keys("*receipt*")


async def test_what_is_dropped_is_counted_once_in_the_receipt(
    redis: Redis, crowd: Crowd, project_id: ProjectId, publish: Publish
) -> None:
    """However often it is repeated, and also what comes between."""
    publish(project_id)
    await crowd.add(project_id, 1, 25)

    assert sessions.drop_generations(redis, project_id, 2, ROTATION) == 25
    assert sessions.drop_generations(redis, project_id, 2, ROTATION) == 0
    await crowd.add(project_id, 1, 5)
    assert sessions.drop_generations(redis, project_id, 2, ROTATION) == 5

    assert receipts.read(redis, project_id, ROTATION).targeted == 30
    assert 0 < redis.ttl(keys.receipt(project_id, ROTATION)) <= keys.RECEIPT_SECONDS


async def test_workers_that_drop_at_the_same_time_count_every_session_once(
    redis: Redis, crowd: Crowd, project_id: ProjectId, publish: Publish
) -> None:
    """Two workers may have the same event."""
    publish(project_id)
    await crowd.add(project_id, 1, 3000)
    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(
            lambda _: sessions.drop_generations(redis, project_id, 2, ROTATION), range(4)
        )
        assert sum(counts) == 3000
    assert receipts.read(redis, project_id, ROTATION).targeted == 3000
    assert not redis.exists(keys.buckets(project_id))


async def test_a_large_project_is_dropped_in_bounded_steps(
    redis: Redis, crowd: Crowd, project_id: ProjectId, publish: Publish
) -> None:
    """No call names more than a hundred buckets, so nobody else waits long: 250 need three."""
    publish(project_id)
    await crowd.add(project_id, 1, 2500)
    redis.config_resetstat()

    assert sessions.drop_generations(redis, project_id, 2, ROTATION) == 2500

    assert sessions.DROPPED_AT_ONCE <= 100
    assert 3 <= redis.info("commandstats")["cmdstat_unlink"]["calls"] <= 6


async def test_no_bind_slips_behind_a_revocation(
    redis: Redis, crowd: Crowd, project_id: ProjectId, publish: Publish
) -> None:
    """While a node binds without pause: raised, then dropped, and not one is left."""
    publish(project_id)
    raised = threading.Event()
    results = []

    def revoke() -> int:
        publications.raise_epoch(redis, project_id, 2)
        dropped = sessions.drop_generations(redis, project_id, 2, ROTATION)
        raised.set()
        return dropped

    with ThreadPoolExecutor(1) as pool:
        revocation = None
        while not raised.is_set():
            session, visitor = new_session()
            bucket = crowd.allocator.take(project_id, 1)
            bound = crowd.writer.bind(project_id, session, visitor, 1, None, bucket, None)
            results.append((await bound).status)
            if len(results) == 50:
                revocation = pool.submit(revoke)
        assert revocation is not None
        assert revocation.result() == results.count(BindStatus.BOUND)

    assert results.count(BindStatus.BOUND) >= 50
    assert sessions.count_by_generation(redis, project_id) == {}


async def test_a_dead_node_leaves_nothing(
    redis: Redis,
    node_redis: AsyncRedis,
    crowd: Crowd,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """In none of its projects; the sessions of other nodes stay."""
    other_project, other_node = ProjectId(str(uuid.uuid4())), NodeId("other:node")
    living = Crowd(node_redis, other_node)
    kept = set()
    await renew(node_redis, node_id)
    for project in (project_id, other_project):
        publish(project)
        await crowd.add(project, None, 15)
        await crowd.add(project, 1, 15)
        kept |= await living.add(project, 1, 5)
    await release(node_redis, node_id)

    assert sessions.drop_node(redis, node_id) == 60
    assert sessions.drop_node(redis, node_id) == 0

    assert _listed(redis, project_id) | _listed(redis, other_project) == kept
    assert not redis.keys(f"*{node_id}*")
    assert not redis.sismember(keys.NODES, node_id)
    assert redis.smembers(keys.node_projects(other_node)) == {
        project_id.encode(),
        other_project.encode(),
    }


async def test_a_living_node_is_not_dropped(
    redis: Redis,
    node_redis: AsyncRedis,
    crowd: Crowd,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """It may have come back since somebody took it for dead."""
    publish(project_id)
    await crowd.add(project_id, None, 5)
    await renew(node_redis, node_id)

    assert sessions.drop_node(redis, node_id) == 0
    assert sessions.count_by_generation(redis, project_id) == {None: 5}
    assert redis.sismember(keys.NODES, node_id)


class ComingBack:
    """Brings the node back, once, right before a worker's next command of this name is carried out.

    Between what a worker has seen and what it does then there is always such a moment.
    """

    def __init__(self, redis: Redis, node_id: NodeId, command: str, times: int = 1) -> None:
        self.worker = connect(_url_of(redis))
        self._redis, self._node_id = redis, node_id
        self._command, self._times = command, times
        self._execute = self.worker.execute_command
        self.worker.execute_command = self._execute_in_time  # type: ignore[method-assign]

    def _execute_in_time(self, *command: Any, **options: Any) -> Any:
        if command[0] == self._command:
            self._times -= 1
            if self._times == 0:
                self._redis.sadd(keys.NODES, self._node_id)
                self._redis.set(keys.lease(self._node_id), "back")
        return self._execute(*command, **options)


def _url_of(redis: Redis) -> str:
    options = redis.connection_pool.connection_kwargs
    return f"redis://{options['host']}:{options['port']}/{options['db']}"


async def test_a_node_that_comes_back_loses_no_more_than_a_step(
    redis: Redis, crowd: Crowd, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """It writes its sessions again, and they are not dropped behind its back."""
    publish(project_id)
    await crowd.add(project_id, None, 2_500)
    coming = ComingBack(redis, node_id, "EVALSHA", times=2)

    with coming.worker as worker:
        dropped = sessions.drop_node(worker, node_id)

    assert dropped <= 2 * sessions.DROPPED_AT_ONCE * 10
    assert sessions.count_by_generation(redis, project_id) == {None: 2_500 - dropped}
    assert redis.smembers(keys.node_projects(node_id)) == {project_id.encode()}
    assert redis.sismember(keys.NODES, node_id)


async def test_a_node_that_comes_back_while_it_is_forgotten_is_listed(
    redis: Redis, node_id: NodeId
) -> None:
    """A worker saw no lease, and removes the node a moment after it has renewed it."""
    redis.sadd(keys.NODES, node_id)
    coming = ComingBack(redis, node_id, "SREM")

    with coming.worker as worker:
        sessions.drop_node(worker, node_id)

    assert leases.list_nodes(redis) == {node_id: True}


async def test_a_node_that_comes_back_keeps_what_it_notes(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, node_id: NodeId
) -> None:
    """A worker that took it for dead a moment ago does not forget its project."""
    lease_and_projects = [keys.lease(node_id), keys.node_projects(node_id)]
    redis.sadd(keys.node_projects(node_id), project_id)
    await renew(node_redis, node_id)
    assert run(redis, scripts.FORGET_PROJECT, lease_and_projects, [project_id]) == 0
    assert redis.sismember(keys.node_projects(node_id), project_id)

    await release(node_redis, node_id)
    assert run(redis, scripts.FORGET_PROJECT, lease_and_projects, [project_id]) == 1
    assert run(redis, scripts.FORGET_PROJECT, lease_and_projects, [project_id]) == 1
    assert not redis.exists(keys.node_projects(node_id))


async def test_after_all_have_gone_only_cards_are_left_without_an_end(
    redis: Redis,
    node_redis: AsyncRedis,
    crowd: Crowd,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """Every key has somebody who removes it, or a time at which it goes."""
    publish(project_id)
    await renew(node_redis, node_id)
    await crowd.add(project_id, 1, 30)
    await crowd.add(project_id, None, 30)
    session, visitor = new_session()
    bucket = crowd.allocator.take(project_id, None)
    await crowd.writer.unbind(project_id, session, visitor, None, bucket, "device")
    receipts.open_receipt(redis, project_id, ROTATION, [node_id])
    sessions.drop_generations(redis, project_id, 2, ROTATION)
    await receipts.answer(node_redis, project_id, ROTATION, node_id, 30, "an-answer")
    await release(node_redis, node_id)
    sessions.drop_node(redis, node_id)

    endless = {key.decode() for key in redis.keys("*") if redis.ttl(key) == -1}
    assert endless == {keys.card(project_id)}


async def test_a_session_takes_no_more_than_sixty_bytes(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, publish: Publish
) -> None:
    """Of a project of 10,000, with all that Redis needs around it, but for its connections."""
    publish(project_id)
    crowd = Crowd(node_redis, NodeId(str(uuid.uuid4())))
    await crowd.add(project_id, 1, 1)
    before = _stored_bytes(redis)
    await crowd.add(project_id, 1, 10_000)
    assert (_stored_bytes(redis) - before) / 10_000 < 60


def _stored_bytes(redis: Redis) -> int:
    memory = redis.info("memory")
    return int(memory["used_memory"]) - int(memory["mem_clients_normal"])
