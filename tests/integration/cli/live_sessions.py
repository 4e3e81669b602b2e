"""Live sessions in Redis, written as a gateway node writes them."""

import asyncio
import os
import secrets
import uuid
from contextlib import closing
from datetime import UTC, datetime

from domain.cards import Card
from domain.ids import NodeId, ProjectId, SessionId, VisitorId, uuid7
from storage.redis import publications
from storage.redis.buckets import BucketAllocator
from storage.redis.client import connect, connect_async
from storage.redis.session_writer import SessionWriter

NODE = NodeId("node-of-a-test")


def add_sessions(
    redis_url: str, project_id: ProjectId, generation: int | None, count: int
) -> list[SessionId]:
    """So many sessions are live, vouched for by that generation, or anonymous."""
    with closing(connect(redis_url)) as client:
        seed = publications.begin_publication(client, project_id, secrets.token_hex(8))
        publications.publish(client, Card(project_id, epoch=1, revision=1), seed)
    return asyncio.run(_write(redis_url, project_id, generation, count))


async def _write(
    redis_url: str, project_id: ProjectId, generation: int | None, count: int
) -> list[SessionId]:
    client = connect_async(redis_url)
    writer, allocator = SessionWriter(client, NODE), BucketAllocator(NODE)
    written = []
    for _ in range(count):
        session_id = SessionId(uuid7(datetime.now(UTC), os.urandom(10)))
        visitor_id = VisitorId(str(uuid.uuid4()))
        bucket = allocator.take(project_id, generation)
        if generation is None:
            await writer.register(project_id, session_id, visitor_id, None, bucket)
        else:
            await writer.bind(project_id, session_id, visitor_id, generation, None, bucket, None)
        written.append(session_id)
    await client.aclose()
    return written
