"""The clock that gateway nodes and workers share: Redis'. Their own may be minutes apart.

It dates only what one of them tells another. What is revoked, and when, the database's clock says.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import ask, ask_all_async

ASK_EVERY_SECONDS = 10.0


class SharedClock:
    """Goes on by the monotonic clock from when it was set last; until it is, the process' own."""

    def __init__(self) -> None:
        self._set_to: datetime | None = None
        self._set_at = 0.0

    def now(self) -> datetime:
        """The time, to within the half of a round trip to Redis."""
        if self._set_to is None:
            return datetime.now(UTC)
        return self._set_to + timedelta(seconds=monotonic() - self._set_at)

    def set_if_old(self, client: Redis) -> None:
        """It was set in the last ten seconds.

        Raises:
            StorageUnavailable: Redis does not answer.
        """
        asked_at = monotonic()
        if self._set_to is None or asked_at - self._set_at > ASK_EVERY_SECONDS:
            self._set(asked_at, ask(client, "TIME"))

    async def set(self, client: AsyncRedis) -> None:
        """It is set now.

        Raises:
            StorageUnavailable: Redis does not answer.
        """
        asked_at = monotonic()
        [reply] = await ask_all_async(client, [("TIME",)])
        self._set(asked_at, reply)

    def _set(self, asked_at: float, reply: Any) -> None:
        seconds, microseconds = map(int, reply)
        self._set_at = (asked_at + monotonic()) / 2
        self._set_to = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
