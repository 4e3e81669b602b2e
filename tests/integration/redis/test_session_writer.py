"""A node writes its sessions: registered, bound, unbound, unregistered."""

import asyncio
import uuid

import pytest

from domain.ids import DeviceId, NodeId, ProjectId
from storage.redis import keys, publications
from storage.redis.buckets import BUCKET_CAPACITY, Bucket, BucketAllocator
from storage.redis.client import AsyncRedis, Redis
from storage.redis.packing import pack_device, pack_id
from storage.redis.session_writer import BindResult, BindStatus, RegisterResult, SessionWriter
from storage.redis.sessions import StoredSession, count_by_generation, list_sessions
from tests.integration.redis.conftest import Publish, new_session

pytestmark = pytest.mark.anyio

DEVICE = DeviceId("a device id")
DAY = 24 * 3600.0


def _bucket_names(redis: Redis, project_id: ProjectId) -> set[str]:
    return {name.decode() for name in redis.smembers(keys.buckets(project_id))}


async def test_a_registered_session_is_listed(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """As it came, with 16 bytes each for session and visitor."""
    publish(project_id)
    session, visitor = new_session()
    bucket = Bucket(None, node_id, 0)

    result = await writer.register(project_id, session, visitor, DEVICE, bucket)

    assert result is RegisterResult.REGISTERED
    assert list(list_sessions(redis, project_id)) == [
        StoredSession(session, visitor, None, node_id)
    ]
    stored = redis.hgetall(keys.bucket(project_id, bucket.name))
    assert stored == {pack_id(session): pack_id(visitor)}
    assert redis.smembers(keys.node_projects(node_id)) == {project_id.encode()}


async def test_without_a_card_nothing_is_registered_or_bound(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """Missing is closed; a publication that has only begun is missing too."""
    publications.begin_publication(redis, project_id, "nonce")
    session, visitor = new_session()
    here, there = Bucket(None, node_id, 0), Bucket(1, node_id, 0)

    registered = await writer.register(project_id, session, visitor, None, here)
    bound = await writer.bind(project_id, session, visitor, 1, here, there, None)

    assert registered is RegisterResult.CARD_MISSING
    assert bound == BindResult(BindStatus.CARD_MISSING)
    assert count_by_generation(redis, project_id) == {}
    assert _bucket_names(redis, project_id) == set()


async def test_binding_moves_the_session(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """It stands in its new bucket with its new visitor; the one it left is forgotten."""
    publish(project_id, epoch=3)
    session, anonymous = new_session()
    _, visitor = new_session()
    here, there = Bucket(None, node_id, 0), Bucket(3, node_id, 0)
    await writer.register(project_id, session, anonymous, None, here)

    result = await writer.bind(project_id, session, visitor, 3, here, there, DEVICE)

    assert result == BindResult(BindStatus.BOUND, 3)
    assert list(list_sessions(redis, project_id)) == [StoredSession(session, visitor, 3, node_id)]
    assert _bucket_names(redis, project_id) == {there.name}


async def test_a_revoked_generation_is_not_bound(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """The epoch in Redis decides, compared as a number; the session stays where it was."""
    publish(project_id, epoch=9)
    session, visitor = new_session()
    here, there = Bucket(None, node_id, 0), Bucket(9, node_id, 0)
    await writer.register(project_id, session, visitor, None, here)
    publications.raise_epoch(redis, project_id, 10)

    result = await writer.bind(project_id, session, visitor, 9, here, there, None)

    assert result == BindResult(BindStatus.BEHIND, 10)
    assert count_by_generation(redis, project_id) == {None: 1}
    assert _bucket_names(redis, project_id) == {here.name}


async def test_the_present_and_a_later_generation_are_bound(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """The epoch is the lowest that is accepted."""
    publish(project_id, epoch=10)
    for generation in (10, 11):
        session, visitor = new_session()
        there = Bucket(generation, node_id, 0)
        result = await writer.bind(project_id, session, visitor, generation, None, there, None)
        assert result.status is BindStatus.BOUND
    assert count_by_generation(redis, project_id) == {10: 1, 11: 1}


async def test_a_session_is_bound_again_in_its_own_bucket(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """A new proof by the same secret moves nothing away."""
    publish(project_id)
    session, visitor = new_session()
    there = Bucket(1, node_id, 0)
    await writer.bind(project_id, session, visitor, 1, None, there, None)
    await writer.bind(project_id, session, visitor, 1, there, there, None)
    assert list(list_sessions(redis, project_id)) == [StoredSession(session, visitor, 1, node_id)]


async def test_a_bucket_of_another_generation_is_refused(
    writer: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """The session would escape its revocation."""
    session, visitor = new_session()
    with pytest.raises(ValueError, match="of its own generation"):
        writer.bind(project_id, session, visitor, 1, None, Bucket(2, node_id, 0), None)
    with pytest.raises(ValueError, match="of its own generation"):
        writer.unbind(project_id, session, visitor, None, Bucket(2, node_id, 0), None)


async def test_signing_out_moves_the_session_back(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """Whatever the epoch says by then, or whether there is a card at all."""
    publish(project_id)
    session, visitor = new_session()
    here, there = Bucket(1, node_id, 0), Bucket(None, node_id, 0)
    await writer.bind(project_id, session, visitor, 1, None, here, None)
    redis.delete(keys.card(project_id))

    result = await writer.unbind(project_id, session, visitor, here, there, DEVICE)

    assert result.status is BindStatus.BOUND
    assert list(list_sessions(redis, project_id)) == [
        StoredSession(session, visitor, None, node_id)
    ]
    assert _bucket_names(redis, project_id) == {there.name}


async def test_an_unregistered_session_is_gone(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """Its bucket stands while others are in it, and is forgotten with the last one."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    (one, visitor), (other, _) = new_session(), new_session()
    for session in (one, other):
        await writer.register(project_id, session, visitor, None, bucket)

    assert await writer.unregister(project_id, one, bucket) is True
    assert _bucket_names(redis, project_id) == {bucket.name}
    assert await writer.unregister(project_id, other, bucket) is True
    assert await writer.unregister(project_id, other, bucket) is False

    assert redis.keys(f"*{project_id}*") == [keys.card(project_id).encode()]


@pytest.mark.parametrize("marked_by", ["bound", "behind", "card missing", "unbound"])
async def test_an_ended_device_is_not_registered(
    redis: Redis,
    writer: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
    marked_by: str,
) -> None:
    """SQL has ended it, so it is noted whatever became of the session that ended it."""
    if marked_by != "card missing":
        publish(project_id, epoch=2)
    generation = 1 if marked_by == "behind" else 2
    session, visitor = new_session()
    anonymous, signed_in = Bucket(None, node_id, 0), Bucket(generation, node_id, 0)
    if marked_by == "unbound":
        await writer.unbind(project_id, session, visitor, None, anonymous, DEVICE)
    else:
        await writer.bind(project_id, session, visitor, generation, None, signed_in, DEVICE)
    publish(project_id, epoch=2)
    before = count_by_generation(redis, project_id)

    late, its_visitor = new_session()
    result = await writer.register(project_id, late, its_visitor, DEVICE, anonymous)

    assert result is RegisterResult.DEVICE_ENDED
    assert count_by_generation(redis, project_id) == before


async def test_an_ended_device_ends_no_other(
    writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """Neither another device of the project nor the same text in another project."""
    other = ProjectId(str(uuid.uuid4()))
    publish(project_id)
    publish(other)
    session, visitor = new_session()
    bucket = Bucket(None, node_id, 0)
    await writer.unbind(project_id, session, visitor, None, bucket, DEVICE)

    for project, device in ((project_id, DeviceId("another")), (other, DEVICE)):
        result = await writer.register(project, *new_session(), device, bucket)
        assert result is RegisterResult.REGISTERED


async def test_an_ended_device_is_remembered_for_a_period_at_least(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """And not for ever: its set ends by itself."""
    publish(project_id)
    now = [20_000 * DAY - 1]  # the last second of a period of thirty days, or somewhere in one
    writer = SessionWriter(node_redis, node_id, clock=lambda: now[0])
    session, visitor = new_session()
    bucket = Bucket(None, node_id, 0)
    await writer.unbind(project_id, session, visitor, None, bucket, DEVICE)

    now[0] += 30 * DAY
    result = await writer.register(project_id, *new_session(), DEVICE, bucket)
    assert result is RegisterResult.DEVICE_ENDED
    now[0] += 30 * DAY
    result = await writer.register(project_id, *new_session(), DEVICE, bucket)
    assert result is RegisterResult.REGISTERED

    device, period = pack_device(DEVICE), int((20_000 * DAY - 1) // (30 * DAY))
    key = keys.ended_devices(project_id, period, device.shard)
    assert 59 * DAY < redis.ttl(key) <= 60 * DAY


@pytest.mark.parametrize("seconds_ahead", [-2, 2])
async def test_an_ended_device_is_known_where_the_clock_is_another(
    node_redis: AsyncRedis,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
    seconds_ahead: int,
) -> None:
    """Of two machines one is in a new period already: what either ended, the other knows."""
    publish(project_id)
    now = 700 * 30 * DAY - seconds_ahead / 2  # between the two a period begins
    reader = SessionWriter(node_redis, node_id, clock=lambda: now)
    writer = SessionWriter(node_redis, node_id, clock=lambda: now + seconds_ahead)
    session, visitor = new_session()
    bucket = Bucket(None, node_id, 0)
    await writer.unbind(project_id, session, visitor, None, bucket, DEVICE)

    result = await reader.register(project_id, *new_session(), DEVICE, bucket)

    assert result is RegisterResult.DEVICE_ENDED


async def test_ended_devices_are_kept_packed(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """Eight bytes each, negative ones too."""
    session, visitor = new_session()
    bucket = Bucket(None, node_id, 0)
    devices = [DeviceId(f"device {number}") for number in range(300)]
    for device in devices:
        writer.unbind(project_id, session, visitor, bucket, bucket, device)
    await writer.unregister(project_id, session, bucket)

    shards = redis.keys("*:ended:*")
    assert {redis.object("encoding", shard) for shard in shards} == {b"intset"}
    assert sum(redis.scard(shard) for shard in shards) == len(devices)
    assert any(pack_device(device).member < 0 for device in devices)


async def test_every_command_may_be_carried_out_twice(
    redis: Redis,
    node_redis: AsyncRedis,
    writer: SessionWriter,
    project_id: ProjectId,
    node_id: NodeId,
    publish: Publish,
) -> None:
    """As when the connection breaks after the server has done it: same state, same answer."""
    publish(project_id)
    twin = SessionWriter(node_redis, node_id)
    session, visitor = new_session()
    here, there = Bucket(None, node_id, 0), Bucket(1, node_id, 0)
    steps = [
        lambda writer: writer.register(project_id, session, visitor, DEVICE, here),
        lambda writer: writer.bind(project_id, session, visitor, 1, here, there, DEVICE),
        lambda writer: writer.unbind(project_id, session, visitor, there, here, DEVICE),
    ]
    for step in steps:
        once = await step(writer)
        after_once = list(list_sessions(redis, project_id)), _bucket_names(redis, project_id)
        assert await step(twin) == once
        assert after_once == (
            list(list_sessions(redis, project_id)),
            _bucket_names(redis, project_id),
        )


async def test_the_order_of_asking_is_the_order_in_redis(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """A socket that closes before its hello is answered leaves nothing behind."""
    publish(project_id)
    bucket, signed_in = Bucket(None, node_id, 0), Bucket(1, node_id, 0)
    for _ in range(100):
        session, visitor = new_session()
        writer.register(project_id, session, visitor, None, bucket)
        await asyncio.sleep(0)
        writer.bind(project_id, session, visitor, 1, bucket, signed_in, None)
        last = writer.unregister(project_id, session, signed_in)

    assert await last is True
    assert count_by_generation(redis, project_id) == {}
    assert _bucket_names(redis, project_id) == set()


async def test_one_turn_is_one_round_trip(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """All answers of a turn come together, also of several projects, each its own."""
    publish(project_id)
    nowhere = ProjectId(str(uuid.uuid4()))
    await writer.register(project_id, *new_session(), None, Bucket(None, node_id, 0))
    bucket = Bucket(None, node_id, 1)
    reads = int(redis.info("stats")["total_reads_processed"])

    answers = [
        writer.register(project, *new_session(), None, bucket)
        for project in (project_id, nowhere) * 10
    ]
    results = await asyncio.gather(*answers)

    assert int(redis.info("stats")["total_reads_processed"]) - reads == 2  # this and the question
    assert results == [RegisterResult.REGISTERED, RegisterResult.CARD_MISSING] * 10


async def test_a_server_that_lost_the_scripts_is_given_them_again(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """In the midst of a pipeline, and nothing is done out of order."""
    publish(project_id)
    bucket = Bucket(None, node_id, 0)
    for forgotten in (False, True):
        if forgotten:
            redis.script_flush()
        session, visitor = new_session()
        registered = writer.register(project_id, session, visitor, None, bucket)
        gone = writer.unregister(project_id, session, bucket)
        assert await registered is RegisterResult.REGISTERED
        assert await gone is True
    assert count_by_generation(redis, project_id) == {}


async def test_a_thousand_sessions_at_once_fill_buckets_of_two_hundred(
    redis: Redis, writer: SessionWriter, project_id: ProjectId, node_id: NodeId, publish: Publish
) -> None:
    """Packed, and none lost, though they need more than one pipeline."""
    publish(project_id)
    allocator = BucketAllocator(node_id)
    sessions = [new_session() for _ in range(1000)]
    answers = [
        writer.register(project_id, *session, DEVICE, allocator.take(project_id, None))
        for session in sessions
    ]
    assert set(await asyncio.gather(*answers)) == {RegisterResult.REGISTERED}

    names = _bucket_names(redis, project_id)
    lengths = [redis.hlen(keys.bucket(project_id, name)) for name in names]
    assert lengths == [BUCKET_CAPACITY] * 5
    encodings = {redis.object("encoding", keys.bucket(project_id, name)) for name in names}
    assert encodings == {b"listpack"}
    listed = {(each.session_id, each.visitor_id) for each in list_sessions(redis, project_id)}
    assert listed == set(sessions)


async def test_an_id_that_is_no_uuid_is_refused_at_once(
    writer: SessionWriter, project_id: ProjectId, node_id: NodeId
) -> None:
    """Nothing of it is sent."""
    session, visitor = new_session()
    with pytest.raises(ValueError, match="16 bytes"):
        writer.register(project_id, session[:-2], visitor, None, Bucket(None, node_id, 0))
