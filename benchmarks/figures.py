"""Numbers made of measurements: medians, percentiles, and how they are written."""

import math
import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    """The middle of the values; of an even number, the mean of the two in the middle."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0–1) of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> float:
    """How far the values lie apart: largest minus smallest, in parts of their median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def ratio(number: float) -> str:
    """A ratio as `12.3 ×`."""
    if number < 0.1:
        return f"{number:.1g} ×"
    return f"{number:.2f} ×" if number < 10 else f"{number:.1f} ×"


def per_second(number: float) -> str:
    """A rate as `1,234/s`."""
    return f"{number:,.0f}/s"


def milliseconds(seconds: float) -> str:
    """A duration as `12.3 ms`, or in seconds from ten of them."""
    if seconds >= 10:
        return f"{seconds:,.1f} s"
    number = seconds * 1000
    return f"{number:,.0f} ms" if number >= 100 else f"{number:.1f} ms"


def microseconds(seconds: float) -> str:
    """A duration as `1,234 µs`."""
    return f"{seconds * 1e6:,.0f} µs"


def percent(share: float) -> str:
    """A share as `7 %`."""
    return f"{share:.0%}".replace("%", " %")
