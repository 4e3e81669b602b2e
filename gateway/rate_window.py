"""One client's budget of something, in fixed windows of a minute."""

WINDOW_SECONDS = 60.0


class RateWindow:
    """Counts what one socket does; times are monotonic seconds."""

    __slots__ = ("_count", "_ends")

    def __init__(self) -> None:
        self._count = 0
        self._ends = 0.0

    def admit(self, limit: int, now: float) -> bool:
        """Whether one more is within the limit."""
        if now >= self._ends:
            self._count = 0
            self._ends = now + WINDOW_SECONDS
        if self._count >= limit:
            return False
        self._count += 1
        return True

    def wait_ms(self, now: float) -> int:
        """How long until the window ends."""
        return max(1, int((self._ends - now) * 1000) + 1)
