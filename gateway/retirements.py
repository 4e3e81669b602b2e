"""Asking sessions of a retiring secret for a fresh token: one heap and one timer for the node."""

import asyncio
import heapq
import random
from collections.abc import Collection
from datetime import datetime
from itertools import count
from typing import Protocol

from gateway.answers import reauthenticate

REASON = "secret_retiring"


class Asked(Protocol):
    """A session that may move to a newer secret. `generation` vouches for it now."""

    @property
    def generation(self) -> int | None:
        """None while it is anonymous, or gone."""

    def ask_anew(self, frame: bytes) -> None:
        """The widget gets the frame, if its session is live."""


class Retirements:
    """Spreads the asking, so that sites are not all asked for tokens at once.

    A session that has moved to another secret by its turn is passed over.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: list[tuple[float, int, Asked, int, bytes]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def ask(
        self,
        sessions: Collection[Asked],
        generation: int,
        deadline: datetime,
        spread_seconds: float,
    ) -> None:
        """Each of them is asked within the period, in no order that a site could foresee."""
        frame = reauthenticate(REASON, deadline)
        now, step = self._loop.time(), spread_seconds / max(len(sessions), 1)
        for turn, session in enumerate(random.sample([*sessions], len(sessions))):
            entry = (now + turn * step, next(self._order), session, generation, frame)
            heapq.heappush(self._due, entry)
        self._set_timer()

    def stop(self) -> None:
        """Nobody is asked any more."""
        self._due.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due[0][0], self._tell) if self._due else None

    def _tell(self) -> None:
        now = self._loop.time()
        while self._due and self._due[0][0] <= now:
            _, _, session, generation, frame = heapq.heappop(self._due)
            if session.generation == generation:
                session.ask_anew(frame)
        self._set_timer()
