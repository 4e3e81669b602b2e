"""Records as the node that writes them finds them again."""

from collections.abc import AsyncIterator, Sequence

from domain.ids import NodeId, ProjectId, SessionId
from storage.redis import keys
from storage.redis.buckets import Bucket
from storage.redis.client import AsyncRedis
from storage.redis.exchange import Command, Reply, ask_all_async
from storage.redis.packing import unpack_id

READ_AT_ONCE = 20
"""Buckets read in one step: about 4,000 sessions."""


async def list_own(
    client: AsyncRedis, node_id: NodeId
) -> AsyncIterator[tuple[ProjectId, SessionId, Bucket]]:
    """Every session that Redis has of this node, and where; unordered.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    for member in await _ask(client, "SMEMBERS", keys.node_projects(node_id)):
        project_id = ProjectId(member.decode())
        names = await _ask(client, "SMEMBERS", keys.buckets(project_id))
        buckets = [Bucket.parse(name.decode()) for name in names]
        own = [bucket for bucket in buckets if bucket.node_id == node_id]
        for start in range(0, len(own), READ_AT_ONCE):
            some = own[start : start + READ_AT_ONCE]
            for bucket, sessions in zip(some, await _read(client, project_id, some), strict=True):
                for session in sessions:
                    yield project_id, SessionId(unpack_id(session)), bucket


async def _read(client: AsyncRedis, project_id: ProjectId, buckets: Sequence[Bucket]) -> Reply:
    commands: list[Command] = [("HKEYS", keys.bucket(project_id, each.name)) for each in buckets]
    return await ask_all_async(client, commands)


async def _ask(client: AsyncRedis, *command: str) -> Reply:
    [reply] = await ask_all_async(client, [command])
    return reply
