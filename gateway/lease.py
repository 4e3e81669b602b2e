"""The node's lease in Redis, and how long this node may act on it by its own clock."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

from domain.errors import StorageUnavailable
from storage.redis.leases import new_beat

log = structlog.get_logger(__name__)

LEASE_SECONDS = 10.0
RENEW_SECONDS = 3.0
RETRY_SECONDS = 0.5
TRUSTED_SECONDS = LEASE_SECONDS * 2 / 3


class Lease:
    """Renewed every three seconds; trusted for two thirds of its length, no longer.

    Trust is counted by the monotonic clock from before the renewal was sent, so a node that was
    paused or cut off finds out by itself, before the lease ends in Redis.

    Args:
        renew: gives the lease its full length; False if it had ended before. It is handed a beat,
            the same until it has returned: asked again, it says what it found the first time.
        lost: called once for every lease that had ended, after the renewal.
    """

    def __init__(self, renew: Callable[[str], Awaitable[bool]], lost: Callable[[], None]) -> None:
        self._renew = renew
        self._lost = lost
        self._beat = new_beat()
        self._was_held = False
        self.trusted_until = 0.0

    @property
    def is_held(self) -> bool:
        """Whether this node may act for signed-in sessions now."""
        return monotonic() < self.trusted_until

    async def renew_once(self) -> bool:
        """Whether the lease was renewed now.

        Nothing is raised: a Redis that does not answer is what the trust's end is for.
        """
        asked_at = monotonic()
        try:
            async with asyncio.timeout(RENEW_SECONDS):
                stood = await self._renew(self._beat)
        except (StorageUnavailable, TimeoutError) as error:
            log.warning("lease_not_renewed", error=type(error).__name__)
            return False
        self._beat = new_beat()
        self.trusted_until = asked_at + TRUSTED_SECONDS
        if self._was_held and not stood:
            log.warning("lease_lost")
            self._lost()
        self._was_held = True
        return True

    async def keep(self) -> None:
        """Renews until cancelled."""
        while True:
            renewed = await self.renew_once()
            await asyncio.sleep(RENEW_SECONDS if renewed else RETRY_SECONDS)

    def give_up(self) -> None:
        """The lease is trusted no longer."""
        self.trusted_until = 0.0
