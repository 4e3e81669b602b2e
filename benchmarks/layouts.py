"""Ways to keep live sessions in Redis: ours, and the obvious ones beside it.

Each can be filled with sessions of one generation and drop them again in bounded steps. All hold
the same: session, visitor, generation, node. The obvious ones hold it as text, one key a session.
"""

import secrets
from collections.abc import Iterator
from typing import Protocol

from redis import Redis

from domain.ids import NodeId, ProjectId
from storage.redis import keys
from storage.redis.buckets import BUCKET_CAPACITY, Bucket
from storage.redis.packing import UUID_BYTES
from storage.redis.sessions import drop_generations

PROJECT = ProjectId("01920000-0000-7000-8000-000000000001")
NODE = NodeId("gateway-1-a1b2c3")
STEP = 500
FILLED_AT_ONCE = 5_000


class Layout(Protocol):
    """How sessions of generation 1 are kept, and dropped."""

    name: str

    def fill(self, client: Redis, number: int) -> None:
        """So many sessions stand in an empty Redis."""

    def drop(self, client: Redis) -> None:
        """None of them stands any more."""


class PackedBuckets:
    """Ours: packed ids in hashes of 200, listed in a set, dropped by the product itself."""

    name = "widget-auth: packed buckets"

    def fill(self, client: Redis, number: int) -> None:
        """So many sessions stand in an empty Redis."""
        fill_buckets(client, PROJECT, NODE, 1, number)

    def drop(self, client: Redis) -> None:
        """None of them stands any more."""
        drop_generations(client, PROJECT, 2, None)


class HashEach:
    """A hash for each session; whoever looks for a generation looks at them all."""

    name = "a hash each"

    def fill(self, client: Redis, number: int) -> None:
        """So many sessions stand in an empty Redis."""
        _fill_hashes(client, number, indexed=False)

    def drop(self, client: Redis) -> None:
        """None of them stands any more."""
        cursor, is_begun = 0, False
        while cursor or not is_begun:
            cursor, found = client.scan(cursor, match="session:*", count=STEP)
            is_begun = True
            if found:
                with client.pipeline(transaction=False) as pipeline:
                    for key in found:
                        pipeline.hget(key, "generation")
                    generations = pipeline.execute()
                condemned = [key for key, g in zip(found, generations, strict=True) if g == b"1"]
                client.unlink(*condemned)


class SortedSetAndHashes:
    """A hash for each session, and a sorted set that lists them by generation."""

    name = "sorted set + a hash each"

    def fill(self, client: Redis, number: int) -> None:
        """So many sessions stand in an empty Redis."""
        _fill_hashes(client, number, indexed=True)

    def drop(self, client: Redis) -> None:
        """None of them stands any more."""
        while found := client.zrangebyscore(_INDEX, "-inf", 1, start=0, num=STEP):
            with client.pipeline(transaction=False) as pipeline:
                pipeline.unlink(*(b"session:" + session for session in found))
                pipeline.zrem(_INDEX, *found)
                pipeline.execute()


LAYOUTS: tuple[Layout, ...] = (PackedBuckets(), SortedSetAndHashes(), HashEach())


def fill_buckets(
    client: Redis, project_id: ProjectId, node_id: NodeId, generation: int, number: int
) -> None:
    """So many sessions of the generation stand where the product keeps them."""
    for first in range(0, number, FILLED_AT_ONCE):
        after = min(number, first + FILLED_AT_ONCE)
        with client.pipeline(transaction=False) as pipeline:
            for start in range(first, after, BUCKET_CAPACITY):
                name = Bucket(generation, node_id, start // BUCKET_CAPACITY).name
                packed = _random_ids(2 * min(BUCKET_CAPACITY, after - start))
                pipeline.execute_command("HSET", keys.bucket(project_id, name), *packed)
                pipeline.execute_command("SADD", keys.buckets(project_id), name)
            pipeline.execute()


def _random_ids(number: int) -> Iterator[bytes]:
    block = secrets.token_bytes(number * UUID_BYTES)
    return (block[start : start + UUID_BYTES] for start in range(0, len(block), UUID_BYTES))


_INDEX = f"project:{PROJECT}:sessions"

# fill(; first, after last, project, node, index or empty): the server makes the sessions itself
_FILL = """
math.randomseed(ARGV[1])
local function id()
  local r = math.random
  return string.format('%08x-%04x-7%03x-8%03x-%06x%06x', r(0, 2^31 - 1), r(0, 65535), r(0, 4095),
    r(0, 4095), r(0, 16777215), r(0, 16777215))
end
for i = ARGV[1], ARGV[2] - 1 do
  local session = id()
  redis.call('HSET', 'session:' .. session, 'project', ARGV[3], 'visitor', id(),
    'generation', '1', 'node', ARGV[4])
  if ARGV[5] ~= '' then
    redis.call('ZADD', ARGV[5], 1, session)
  end
end
"""


def _fill_hashes(client: Redis, number: int, *, indexed: bool) -> None:
    fill = client.register_script(_FILL)
    for first in range(0, number, FILLED_AT_ONCE):
        after = min(number, first + FILLED_AT_ONCE)
        fill(args=[first, after, PROJECT, NODE, _INDEX if indexed else ""])
