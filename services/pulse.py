"""The pulse of a worker: that tasks of a queue run, and how far the clocks are apart."""

import time
from datetime import UTC, datetime

from domain.health import ClockOffsets
from services.stores import Stores
from storage.redis import health
from storage.sql.engine import now_of

SECONDS_BETWEEN = 1.0


def measure_clocks(stores: Stores) -> ClockOffsets:
    """How far the clocks of SQL and Redis are ahead of this process's.

    Raises:
        StorageUnavailable: a store does not answer.
    """
    with stores.database.reading() as db:
        now_of(db)  # the connection and its transaction stand: what follows is one round trip
        began = datetime.now(UTC)
        in_sql = now_of(db)
        sql_ended = datetime.now(UTC)
    health.read_clock(stores.redis)
    redis_began = datetime.now(UTC)
    in_redis = health.read_clock(stores.redis)
    redis_ended = datetime.now(UTC)
    return ClockOffsets(
        sql_seconds=_offset(in_sql, began, sql_ended),
        redis_seconds=_offset(in_redis, redis_began, redis_ended),
    )


class Pulse:
    """Notes in Redis that this worker runs tasks, at most once a second for a queue.

    Args:
        stores: SQL and Redis.
        worker: its name.
        every_seconds: how often each queue is ticked.
    """

    def __init__(self, stores: Stores, worker: str, every_seconds: float) -> None:
        self._stores = stores
        self._worker = worker
        self._every_seconds = every_seconds
        self._offsets = ClockOffsets(0.0, 0.0)
        self._noted: dict[str, float] = {}

    def tick(self, queue: str) -> ClockOffsets:
        """The queue's tasks run, and this worker reaches SQL and Redis.

        Raises:
            StorageUnavailable: a store does not answer; then nothing is noted.
        """
        self._offsets = measure_clocks(self._stores)
        self._note(queue)
        return self._offsets

    def ran(self, queue: str) -> None:
        """A task has run whole: behind a flood that holds up the ticks the queue is not silent.

        Raises:
            StorageUnavailable: Redis does not answer.
        """
        if time.monotonic() - self._noted.get(queue, -SECONDS_BETWEEN) >= SECONDS_BETWEEN:
            self._note(queue)

    def _note(self, queue: str) -> None:
        self._noted[queue] = time.monotonic()
        health.note_run(self._stores.redis, queue, self._worker, self._every_seconds, self._offsets)


def _offset(told: datetime, began: datetime, ended: datetime) -> float:
    return round((told - (began + (ended - began) / 2)).total_seconds(), 4)
