"""How often one caller may do what, within bounded memory."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from threading import Lock

from domain.errors import Refused

WINDOW_SECONDS = 60.0
MOST_COUNTED = 10_000


class TooManyRequests(Refused):
    """Too many requests in a short time; wait as long as Retry-After says."""

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class _Window:
    ends_at: float
    used: int = 0


class RateLimit:
    """So many requests a minute for each caller, counted in this process, from any thread.

    A minute begins with a caller's first request. Of more callers than can be counted, those
    whose minute began first are forgotten.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._lock = Lock()

    def admit(self, caller: str) -> None:
        """The request is counted.

        Raises:
            TooManyRequests: the caller has used up this minute; nothing is counted.
        """
        with self._lock:
            now = self._clock()
            window = self._window(caller, now)
            if window.used >= self._most:
                raise TooManyRequests(max(1, ceil(window.ends_at - now)))
            window.used += 1

    def _window(self, caller: str, now: float) -> _Window:
        window = self._windows.get(caller)
        if window is None or window.ends_at <= now:
            self._windows.pop(caller, None)
            window = self._windows[caller] = _Window(now + WINDOW_SECONDS)
            if len(self._windows) > MOST_COUNTED:
                self._windows.popitem(last=False)
        return window
