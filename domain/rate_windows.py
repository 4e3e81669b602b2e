"""How often somebody may do something: so often within a fixed window, from its first time on."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

MINUTE: Final = 60.0


class RateWindow:
    """One counter. Times are seconds of one clock that never goes back."""

    __slots__ = ("_count", "_ends", "_seconds")

    def __init__(self, seconds: float = MINUTE) -> None:
        self._seconds = seconds
        self._count = 0
        self._ends = 0.0

    def admit(self, limit: int, now: float) -> bool:
        """Whether one more is within the limit; what is refused is not counted."""
        if now >= self._ends:
            self._count = 0
            self._ends = now + self._seconds
        if self._count >= limit:
            return False
        self._count += 1
        return True

    def wait_seconds(self, now: float) -> float:
        """How long until the window ends; not positive if it has."""
        return self._ends - now

    def wait_ms(self, now: float) -> int:
        """As `wait_seconds`, in whole milliseconds rounded up, never zero."""
        return max(1, int(self.wait_seconds(now) * 1000) + 1)


class RateTable:
    """A window for each of many, in bounded memory.

    Windows that have ended are forgotten as new ones begin. Of more than can be counted, those
    whose window began first are forgotten early: nobody ever shares a counter.
    """

    def __init__(self, most_counted: int, seconds: float = MINUTE) -> None:
        self._most_counted = most_counted
        self._seconds = seconds
        self._windows: OrderedDict[Hashable, RateWindow] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def admit(self, key: Hashable, limit: int, now: float) -> bool:
        """Whether one more of this key is within the limit; what is refused is not counted."""
        window = self._windows.get(key)
        if window is None or window.wait_seconds(now) <= 0:
            window = self._begin(key, now)
        return window.admit(limit, now)

    def wait_seconds(self, key: Hashable, now: float) -> float:
        """How long until the key's window ends; not positive if it has, or there is none."""
        window = self._windows.get(key)
        return window.wait_seconds(now) if window is not None else 0.0

    def _begin(self, key: Hashable, now: float) -> RateWindow:
        """A fresh window, the last of all; the first ones, if they are over, are gone."""
        self._windows.pop(key, None)
        while self._windows:
            oldest = next(iter(self._windows.values()))
            if oldest.wait_seconds(now) > 0 and len(self._windows) < self._most_counted:
                break
            self._windows.popitem(last=False)
        window = self._windows[key] = RateWindow(self._seconds)
        return window
