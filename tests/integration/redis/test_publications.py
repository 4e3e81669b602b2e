"""Cards: published from SQL, merged by maximum, never seeded from before a loss."""

import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.cards import Card, Limits
from domain.ids import ProjectId
from storage.redis import keys, publications
from storage.redis.cards import CardVersion, Unknown, read_cards, read_versions
from storage.redis.client import AsyncRedis, Redis
from tests.integration.redis.conftest import Publish

pytestmark = pytest.mark.anyio

MISSING = CardVersion(None, None, unknown=False)


def _begin(redis: Redis, project_id: ProjectId) -> str:
    return publications.begin_publication(redis, project_id, secrets.token_hex(8))


def _epoch(redis: Redis, project_id: ProjectId) -> int | None:
    return publications.read_versions(redis, [project_id])[project_id].epoch


async def test_a_node_reads_the_card_that_was_published(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """All of it, as it was in SQL."""
    card = Card(project_id, 3, 7, ("https://a.example", "https://b.example"), Limits(10, 2, 3), 0)
    assert publications.publish(redis, card, _begin(redis, project_id))

    assert await read_cards(node_redis, [project_id]) == {project_id: card}
    assert await read_versions(node_redis, [project_id]) == {
        project_id: CardVersion(3, 7, unknown=False)
    }


async def test_missing_is_neither_zero_nor_unknown(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, publish: Publish
) -> None:
    """Of a project that Redis does not know nothing is said, whatever stands beside it."""
    other = ProjectId(str(uuid.uuid4()))
    card = publish(other)

    assert await read_cards(node_redis, [project_id, other]) == {project_id: None, other: card}
    assert (await read_versions(node_redis, [project_id]))[project_id] == MISSING
    assert publications.read_versions(redis, [project_id]) == {project_id: MISSING}


async def test_nothing_asked_is_nothing_answered(redis: Redis, node_redis: AsyncRedis) -> None:
    """A node without projects compares nothing."""
    assert await read_cards(node_redis, []) == {}
    assert publications.read_versions(redis, []) == {}


async def test_a_begun_publication_is_no_card(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """And it goes by itself when nobody ends it."""
    _begin(redis, project_id)

    assert await read_cards(node_redis, [project_id]) == {project_id: None}
    assert 0 < redis.ttl(keys.card(project_id)) <= keys.UNPUBLISHED_CARD_SECONDS


def test_a_card_stays(redis: Redis, project_id: ProjectId, publish: Publish) -> None:
    """No publication that begins later gives it an end."""
    publish(project_id)
    assert redis.ttl(keys.card(project_id)) == -1
    _begin(redis, project_id)
    assert redis.ttl(keys.card(project_id)) == -1


def test_a_read_from_before_a_loss_seeds_nothing(redis: Redis, project_id: ProjectId) -> None:
    """What SQL said then may have been overtaken since."""
    seed = _begin(redis, project_id)
    redis.flushall()

    assert not publications.publish(redis, Card(project_id, 1, 1), seed)
    assert _epoch(redis, project_id) is None


def test_another_publication_after_the_loss_does_not_let_the_old_one_in(
    redis: Redis, project_id: ProjectId, publish: Publish
) -> None:
    """Neither before the other is done nor after."""
    old = _begin(redis, project_id)
    redis.flushall()
    _begin(redis, project_id)
    assert not publications.publish(redis, Card(project_id, 1, 1), old)
    assert not publications.publish_unknown(redis, project_id, old)

    publish(project_id, epoch=2, revision=1)
    assert not publications.publish(redis, Card(project_id, 9, 9), old)
    assert _epoch(redis, project_id) == 2


def test_publications_at_the_same_time_share_the_seed(redis: Redis, project_id: ProjectId) -> None:
    """Both read SQL after the key stood, so both may publish; the epochs merge."""
    first, second = _begin(redis, project_id), _begin(redis, project_id)
    assert first == second

    assert publications.publish(redis, Card(project_id, 5, 2), second)
    assert publications.publish(redis, Card(project_id, 4, 1), first)
    assert publications.read_versions(redis, [project_id])[project_id] == CardVersion(
        5, 2, unknown=False
    )


async def test_an_older_revision_leaves_the_newer_rest(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """Its epoch still counts, for epochs only grow."""
    seed = _begin(redis, project_id)
    newer = Card(project_id, 1, 2, ("https://new.example",))
    publications.publish(redis, newer, seed)
    publications.publish(redis, Card(project_id, 3, 1, ("https://old.example",)), seed)

    assert await read_cards(node_redis, [project_id]) == {
        project_id: Card(project_id, 3, 2, ("https://new.example",))
    }


async def test_publishing_twice_changes_nothing(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """A retry of redis-py is such a second time."""
    seed = _begin(redis, project_id)
    card = Card(project_id, 2, 2)
    assert publications.publish(redis, card, seed)
    before = redis.hgetall(keys.card(project_id))
    assert publications.publish(redis, card, seed)

    assert redis.hgetall(keys.card(project_id)) == before
    assert await read_cards(node_redis, [project_id]) == {project_id: card}


async def test_an_unknown_project_is_told_for_a_minute(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId
) -> None:
    """Then it has to be asked for again."""
    assert publications.publish_unknown(redis, project_id, _begin(redis, project_id))

    assert await read_cards(node_redis, [project_id]) == {project_id: Unknown()}
    assert publications.read_versions(redis, [project_id]) == {
        project_id: CardVersion(None, None, unknown=True)
    }
    assert 0 < redis.ttl(keys.card(project_id)) <= keys.UNPUBLISHED_CARD_SECONDS


async def test_a_project_made_after_it_was_unknown_is_known(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, publish: Publish
) -> None:
    """Nothing is left of the unknown, nor of its end."""
    publications.publish_unknown(redis, project_id, _begin(redis, project_id))
    card = publish(project_id)

    assert await read_cards(node_redis, [project_id]) == {project_id: card}
    assert redis.ttl(keys.card(project_id)) == -1
    assert not redis.hexists(keys.card(project_id), "unknown")


def test_a_card_does_not_become_unknown(
    redis: Redis, project_id: ProjectId, publish: Publish
) -> None:
    """A read from before the project was made must not hide it."""
    publish(project_id)

    assert not publications.publish_unknown(redis, project_id, _begin(redis, project_id))
    assert _epoch(redis, project_id) == 1


def test_an_epoch_is_raised_and_never_lowered(
    redis: Redis, project_id: ProjectId, publish: Publish
) -> None:
    """The answer is the epoch that stands, compared as a number."""
    publish(project_id, epoch=9)

    assert publications.raise_epoch(redis, project_id, 10) == 10
    assert publications.raise_epoch(redis, project_id, 10) == 10
    assert publications.raise_epoch(redis, project_id, 9) == 10
    assert _epoch(redis, project_id) == 10


def test_raising_makes_no_card(redis: Redis, project_id: ProjectId) -> None:
    """Neither from nothing, nor from a begun publication, nor from an unknown project."""
    assert publications.raise_epoch(redis, project_id, 2) is None
    assert not redis.exists(keys.card(project_id))

    publications.publish_unknown(redis, project_id, _begin(redis, project_id))
    assert publications.raise_epoch(redis, project_id, 2) is None
    assert _epoch(redis, project_id) is None


def test_a_raise_reaches_one_project_only(
    redis: Redis, project_id: ProjectId, publish: Publish
) -> None:
    """The other's epoch is its own."""
    other = ProjectId(str(uuid.uuid4()))
    publish(project_id)
    publish(other)

    publications.raise_epoch(redis, project_id, 5)
    assert _epoch(redis, other) == 1


def test_the_highest_of_many_raises_and_publications_stands(
    redis: Redis, project_id: ProjectId, publish: Publish
) -> None:
    """Whatever their order."""
    publish(project_id)
    with ThreadPoolExecutor(8) as pool:
        for epoch in (3, 17, 5, 11, 2, 16, 9, 13):
            pool.submit(publications.raise_epoch, redis, project_id, epoch)
            pool.submit(publish, project_id, epoch - 1, epoch)

    assert publications.read_versions(redis, [project_id])[project_id] == CardVersion(
        17, 17, unknown=False
    )


async def test_a_card_of_another_release_is_read(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, publish: Publish
) -> None:
    """Fields it does not know are passed over, those it misses are the default."""
    publish(project_id)
    rest = b'{"allowed_origins":["https://a.example"],"limits":{"new":1},"newer":true}'
    redis.hset(keys.card(project_id), "card", rest)

    assert await read_cards(node_redis, [project_id]) == {
        project_id: Card(project_id, 1, 1, ("https://a.example",))
    }


@pytest.mark.parametrize("rest", [b"", b"[", b"[]", b'{"limits":3}', b"\xff"])
async def test_a_broken_card_is_closed(
    redis: Redis, node_redis: AsyncRedis, project_id: ProjectId, publish: Publish, rest: bytes
) -> None:
    """And the next publication mends it."""
    card = publish(project_id)
    redis.hset(keys.card(project_id), "card", rest)
    assert await read_cards(node_redis, [project_id]) == {project_id: None}

    publish(project_id)
    assert await read_cards(node_redis, [project_id]) == {project_id: card}
