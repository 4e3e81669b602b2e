"""How often one caller may do what, within bounded memory."""

import time
from collections.abc import Callable
from math import ceil
from threading import Lock

from domain.errors import Refused
from domain.rate_windows import RateTable

MOST_COUNTED = 10_000


class TooManyRequests(Refused):
    """Too many requests in a short time; wait as long as Retry-After says."""

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class RateLimit:
    """So many requests a minute for each caller, counted in this process, from any thread.

    A minute begins with a caller's first request. Of more callers than can be counted, those
    whose minute began first are forgotten.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._table = RateTable(MOST_COUNTED)
        self._lock = Lock()

    def admit(self, caller: str) -> None:
        """The request is counted.

        Raises:
            TooManyRequests: the caller has used up this minute; nothing is counted.
        """
        with self._lock:
            now = self._clock()
            if not self._table.admit(caller, self._most, now):
                raise TooManyRequests(max(1, ceil(self._table.wait_seconds(caller, now))))
