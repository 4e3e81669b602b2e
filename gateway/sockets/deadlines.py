"""Time limits of equal length for many connections, on one timer."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls `expire` with each thing added `seconds` ago and not discarded since.

    All limits are of one length, so the oldest is always the next to come due and adding,
    discarding and expiring cost the same for ten thousand as for one.
    """

    def __init__(self, seconds: float, expire: Callable[[T], None]) -> None:
        self._seconds = seconds
        self._expire = expire
        self._due: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due)

    def add(self, thing: T) -> None:
        """The thing's time runs from now; one already running runs on."""
        loop = asyncio.get_running_loop()
        self._due.setdefault(thing, loop.time() + self._seconds)
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._ring)

    def discard(self, thing: T) -> None:
        """The thing has no limit any more."""
        self._due.pop(thing, None)

    def expire_first(self) -> None:
        """The thing added longest ago, if there is one, has no more time."""
        first = next(iter(self._due), None)
        if first is not None:
            del self._due[first]
            self._expire(first)

    def _ring(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = []
        for thing, due in self._due.items():
            if due > now:
                self._timer = loop.call_at(due, self._ring)
                break
            late.append(thing)
        for thing in late:
            if self._due.pop(thing, None) is not None:
                self._expire(thing)
