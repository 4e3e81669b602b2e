"""So many requests a minute for each caller."""

import pytest

from dashboard.rate_limits import RateLimit, TooManyRequests


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The present second."""
        return self.now


def test_a_caller_waits_for_the_rest_of_the_minute() -> None:
    """The error says how long, rounded up; then a new minute begins."""
    clock = Clock()
    limit = RateLimit(2, clock)
    limit.admit("a")
    clock.now += 20.5
    limit.admit("a")

    with pytest.raises(TooManyRequests) as refused:
        limit.admit("a")

    assert refused.value.retry_after_seconds == 40
    clock.now += 39.5
    limit.admit("a")


def test_callers_do_not_share_their_minute() -> None:
    """One who asks too much takes nothing from another."""
    limit = RateLimit(1, Clock())
    limit.admit("a")
    limit.admit("b")

    with pytest.raises(TooManyRequests):
        limit.admit("a")


def test_asking_on_does_not_lengthen_the_wait() -> None:
    """What is refused is not counted."""
    clock = Clock()
    limit = RateLimit(1, clock)
    limit.admit("a")
    for _ in range(50):
        clock.now += 1
        with pytest.raises(TooManyRequests):
            limit.admit("a")

    clock.now += 10
    limit.admit("a")
