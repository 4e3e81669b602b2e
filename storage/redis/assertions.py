"""How far the cards were asserted again since Redis may have lost some."""

from dataclasses import dataclass

from domain.ids import ProjectId
from storage.redis import keys
from storage.redis.client import Redis, ServerIdentity
from storage.redis.exchange import ask

_ALL = "all"


@dataclass(frozen=True, slots=True)
class Assertion:
    """Every card up to this project was asserted since this server serves; `after` None: all."""

    server: ServerIdentity
    after: ProjectId | None


def read_assertion(client: Redis) -> Assertion | None:
    """What was noted last; None where nothing was, or it is lost.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    stored = ask(client, "HMGET", keys.ASSERTED, "run_id", "replication_id", "after")
    if None in stored:
        return None
    run_id, replication_id, after = (value.decode() for value in stored)
    return Assertion(
        ServerIdentity(run_id, replication_id), None if after == _ALL else ProjectId(after)
    )


def note_assertion(client: Redis, assertion: Assertion) -> None:
    """The next sweep goes on from there.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    server = assertion.server
    named = ("run_id", server.run_id, "replication_id", server.replication_id)
    after = _ALL if assertion.after is None else assertion.after
    ask(client, "HSET", keys.ASSERTED, *named, "after", after)
