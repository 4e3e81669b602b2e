"""How a card is written in Redis, and read again."""

from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import orjson
import structlog

from domain.cards import Card, Limits
from domain.ids import ProjectId
from storage.redis import keys
from storage.redis.exchange import Command

_log = structlog.get_logger(__name__)
_APART = {"project_id", "epoch", "revision"}
_REST = {each.name for each in fields(Card)} - _APART
_LIMITS = {each.name for each in fields(Limits)}


@dataclass(frozen=True, slots=True)
class Unknown:
    """SQL said, less than a minute ago, that there is no such project."""


class CardVersion(NamedTuple):
    """How far a stored card has come; all empty where Redis knows nothing, which is no zero.

    `persons` is another text whenever the epoch of any person of the project has been raised.
    """

    epoch: int | None
    revision: int | None
    unknown: bool
    persons: bytes | None = None


def encode_rest(card: Card) -> bytes:
    """The JSON of all that is neither compared nor part of the key."""
    return orjson.dumps({name: value for name, value in asdict(card).items() if name in _REST})


def card_query(project_id: ProjectId) -> Command:
    """Asks for what `decode_card` reads."""
    return ("HMGET", keys.card(project_id), "epoch", "unknown", "revision", "card")


def decode_card(project_id: ProjectId, reply: list[bytes | None]) -> Card | Unknown | None:
    """The card; Unknown if SQL has no such project; None if Redis cannot say: closed."""
    epoch, unknown, revision, rest = reply
    if epoch is None or revision is None or rest is None:
        return Unknown() if unknown else None
    try:
        return _decode(project_id, int(epoch), int(revision), orjson.loads(rest))
    except (ValueError, TypeError, AttributeError):
        _log.warning("card_unreadable", project_id=project_id)
        return None


def _decode(project_id: ProjectId, epoch: int, revision: int, rest: dict[str, Any]) -> Card:
    """Fields that a newer release added are passed over, those that it left out are the default."""
    known = {name: value for name, value in rest.items() if name in _REST}
    known["allowed_origins"] = tuple(known.get("allowed_origins", ()))
    limits = known.get("limits", {})
    known["limits"] = Limits(**{name: limits[name] for name in limits if name in _LIMITS})
    return Card(project_id=project_id, epoch=epoch, revision=revision, **known)


def version_query(project_id: ProjectId) -> Command:
    """Asks for what `decode_version` reads."""
    return ("HMGET", keys.card(project_id), "epoch", "unknown", "revision", "persons")


def decode_version(reply: list[bytes | None]) -> CardVersion:
    """The version; without an epoch there is no card, whatever else is there."""
    epoch, unknown, revision, persons = reply
    if epoch is None:
        return CardVersion(None, None, unknown is not None)
    known = None if revision is None else int(revision)
    return CardVersion(int(epoch), known, unknown=False, persons=persons)
