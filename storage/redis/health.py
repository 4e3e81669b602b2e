"""When a task of each queue ran last, by the clock of Redis, which everybody shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.health import ClockOffsets
from storage.redis import keys
from storage.redis.client import Redis
from storage.redis.exchange import ask, ask_all

_FIELDS = ("at", "worker", "every", "sql", "redis")


@dataclass(frozen=True, slots=True)
class LastRun:
    """A queue's last task that ran whole.

    Attributes:
        at: by Redis' clock.
        worker: who ran it.
        every_seconds: how often it is due to.
        offsets: how far the clocks were from that worker's.
    """

    at: datetime
    worker: str
    every_seconds: float
    offsets: ClockOffsets


def read_clock(client: Redis) -> datetime:
    """What time it is by Redis.

    Raises:
        StorageUnavailable: it does not answer.
    """
    seconds, microseconds = ask(client, "TIME")
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(microseconds))


def note_run(
    client: Redis, queue: str, worker: str, every_seconds: float, offsets: ClockOffsets
) -> None:
    """A task of the queue has just run.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    key = keys.last_run(queue)
    named = (
        *("at", read_clock(client).timestamp(), "worker", worker, "every", every_seconds),
        *("sql", offsets.sql_seconds, "redis", offsets.redis_seconds),
    )
    ask_all(client, [("HSET", key, *named), ("EXPIRE", key, keys.LAST_RUN_SECONDS)])


def read_runs(client: Redis, queues: Sequence[str]) -> dict[str, LastRun | None]:
    """Each queue's last run; None where none was in the last week, or Redis has lost it.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    replies = ask_all(client, [("HMGET", keys.last_run(queue), *_FIELDS) for queue in queues])
    return dict(zip(queues, map(_decode, replies), strict=True))


def _decode(reply: list[bytes | None]) -> LastRun | None:
    at, worker, every, sql, redis = reply
    if at is None or worker is None or every is None or sql is None or redis is None:
        return None
    return LastRun(
        at=datetime.fromtimestamp(float(at), UTC),
        worker=worker.decode(errors="replace"),
        every_seconds=float(every),
        offsets=ClockOffsets(float(sql), float(redis)),
    )
