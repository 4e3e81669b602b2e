"""Lengths of time as people say them."""

from datetime import timedelta

import pytest

from dashboard.pages.overview_figures import took


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "at once"),
        (-5, "at once"),
        (0.0009, "at once"),
        (0.038, "38 ms"),
        (0.9999, "999 ms"),
        (1.24, "1.2 s"),
        (59.96, "60.0 s"),
        (240, "4 min"),
        (7200, "2 h"),
    ],
)
def test_a_length_of_time_is_said_shortly(seconds: float, said: str) -> None:
    """In the largest unit that leaves something to say."""
    assert took(timedelta(seconds=seconds)) == said
