"""Visitors who signed in, and widgets that are connected, as workers and nodes leave them."""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime

from domain.ids import DeviceId, NodeId, ProjectId, SessionId, VisitorId, uuid7
from domain.outcomes import SignedIn
from services.key_rings import KeyRings
from services.publish_cards import publish_card
from services.verify_visitors import VisitorVerifier
from storage.redis.buckets import Bucket
from storage.redis.client import connect_async
from storage.redis.session_writer import SessionWriter
from tests.integration.dashboard.serving import Api
from tests.integration.scenes import DEVICES, SEALER, mint, request

NODE = NodeId("node-1")


def sign_in(
    api: Api, project_id: ProjectId, secret: str, custom_id: str, device: DeviceId | None = None
) -> SignedIn:
    """Somebody has signed in with a good token."""
    verifier = VisitorVerifier(api.stores.transactor, KeyRings(SEALER), DEVICES)
    token = mint(secret, custom_id, name="Ada", email="ada@example.com", plan="gold")
    [outcome] = verifier.verify([request(project_id, token, device)]).outcomes
    assert isinstance(outcome, SignedIn), outcome
    return outcome


def new_id() -> str:
    """An unused UUIDv7."""
    return uuid7(datetime.now(UTC), os.urandom(10))


def connect_widgets(
    api: Api,
    redis_url: str,
    project_id: ProjectId,
    visitors: Iterable[VisitorId],
    generation: int | None = None,
) -> list[SessionId]:
    """Each of the visitors has a live session more; ids as they were given."""
    publish_card(api.stores, project_id)
    return asyncio.run(_register(redis_url, project_id, list(visitors), generation))


async def _register(
    redis_url: str, project_id: ProjectId, visitors: list[VisitorId], generation: int | None
) -> list[SessionId]:
    client = connect_async(redis_url)
    writer = SessionWriter(client, NODE)
    bucket = Bucket(generation, NODE, 0)
    sessions = [SessionId(new_id()) for _ in visitors]
    for session, visitor in zip(sessions, visitors, strict=True):
        if generation is None:
            writer.register(project_id, session, visitor, None, bucket)
        else:
            writer.bind(project_id, session, visitor, generation, None, bucket, None)
    await writer.drain()
    await client.aclose()
    return sessions
