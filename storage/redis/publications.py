"""Cards are published from SQL, the truth; Redis holds copies that only grow.

A publication is three steps: `begin_publication`, then the SQL read, then `publish`. Its seed is
kept in the card's own key, so whatever Redis loses takes the seed with it, and a read that began
before the loss can no longer make a card out of what may have been overtaken since.
"""

from collections.abc import Sequence

from domain.cards import Card
from domain.ids import ProjectId
from storage.redis import keys, scripts
from storage.redis.client import Redis
from storage.redis.exchange import ask_all, run
from storage.redis.stored_cards import CardVersion, decode_version, encode_rest, version_query


def begin_publication(client: Redis, project_id: ProjectId, nonce: str) -> str:
    """The seed of the publication that begins now; SQL is to be read after this.

    Args:
        nonce: random text that nobody used before.
    """
    seed: bytes = run(
        client,
        scripts.BEGIN_PUBLICATION,
        [keys.card(project_id)],
        [nonce, keys.UNPUBLISHED_CARD_SECONDS],
    )
    return seed.decode()


def publish(client: Redis, card: Card, seed: str) -> bool:
    """Redis knows at least this card; False: it lost data since the seed, begin again.

    The epoch is merged by maximum, the rest only where `revision` is not behind. Idempotent.
    """
    published: int = run(
        client,
        scripts.PUBLISH_CARD,
        [keys.card(card.project_id)],
        [seed, card.epoch, card.revision, encode_rest(card)],
    )
    return published == 1


def publish_unknown(client: Redis, project_id: ProjectId, seed: str) -> bool:
    """For a minute the nodes know that there is no such project.

    False: Redis lost data since the seed, or holds a card of it.
    """
    published: int = run(
        client,
        scripts.PUBLISH_UNKNOWN,
        [keys.card(project_id)],
        [seed, keys.UNPUBLISHED_CARD_SECONDS],
    )
    return published == 1


def raise_epoch(client: Redis, project_id: ProjectId, epoch: int) -> int | None:
    """The epoch that stands now, at least the given one; None: there is no card to raise it on."""
    stands: int | None = run(client, scripts.RAISE_EPOCH, [keys.card(project_id)], [epoch])
    return stands


def read_versions(client: Redis, project_ids: Sequence[ProjectId]) -> dict[ProjectId, CardVersion]:
    """How far the copies in Redis have come, of every project asked for."""
    replies = ask_all(client, map(version_query, project_ids))
    return dict(zip(project_ids, map(decode_version, replies), strict=True))
