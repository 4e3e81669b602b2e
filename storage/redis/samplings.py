"""How far the projects were sampled in the present slot."""

from dataclasses import dataclass

from domain.ids import ProjectId
from storage.redis import keys
from storage.redis.client import Redis
from storage.redis.exchange import ask

_ALL = "all"


@dataclass(frozen=True, slots=True)
class Sampling:
    """A round that began in this slot has sampled all projects up to this one; None: all."""

    slot: int
    after: ProjectId | None


def read_sampling(client: Redis) -> Sampling | None:
    """What was noted last; None where nothing was, or it is lost.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    slot, after = ask(client, "HMGET", keys.SAMPLED, "slot", "after")
    if slot is None or after is None:
        return None
    return Sampling(int(slot), None if after == _ALL.encode() else ProjectId(after.decode()))


def note_sampling(client: Redis, sampling: Sampling) -> None:
    """The next sweep goes on from there.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    after = _ALL if sampling.after is None else sampling.after
    ask(client, "HSET", keys.SAMPLED, "slot", sampling.slot, "after", after)
