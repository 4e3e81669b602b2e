"""What the nodes read of projects, many at a time in one round trip."""

from collections.abc import Sequence

from domain.cards import Card
from domain.ids import ProjectId
from storage.redis.client import AsyncRedis
from storage.redis.exchange import ask_all_async
from storage.redis.stored_cards import (
    CardVersion,
    Unknown,
    card_query,
    decode_card,
    decode_version,
    version_query,
)

__all__ = ["CardVersion", "Unknown", "read_cards", "read_versions"]


async def read_cards(
    client: AsyncRedis, project_ids: Sequence[ProjectId]
) -> dict[ProjectId, Card | Unknown | None]:
    """The cards of the projects; None where Redis cannot say, which means closed."""
    replies = await ask_all_async(client, map(card_query, project_ids))
    return dict(zip(project_ids, map(decode_card, project_ids, replies), strict=True))


async def read_versions(
    client: AsyncRedis, project_ids: Sequence[ProjectId]
) -> dict[ProjectId, CardVersion]:
    """How far the cards have come, for the nodes' periodic comparison."""
    replies = await ask_all_async(client, map(version_query, project_ids))
    return dict(zip(project_ids, map(decode_version, replies), strict=True))
