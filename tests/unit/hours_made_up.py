"""Operating hours for tests: by hand, or any that a project may have."""

from datetime import date, time, timedelta

import hypothesis.strategies as st

from domain.json_values import Json
from domain.operating_hours import DatedHours, OpenDay, OpenInterval, OperatingHours

ALWAYS_OFFLINE = OperatingHours(((),) * 7)
ROUND_THE_CLOCK = OperatingHours(((OpenInterval(time(0), time(0)),),) * 7)


def every_day(*intervals: tuple[str, str]) -> OperatingHours:
    """Open like this on all seven days."""
    return hours([list(pair) for pair in intervals])


def hours(*days: list[list[str]], exceptions: Json = None) -> OperatingHours:
    """Open like this from Monday on; one day alone stands for all seven."""
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    weekly: dict[str, Json] = {
        name: [list[Json](pair) for pair in day]
        for name, day in zip(names, days * 7 if len(days) == 1 else days, strict=False)
    }
    return OperatingHours.from_json({"weekly": weekly, "exceptions": exceptions or []})


def _as_time(minute: int) -> time:
    return time(minute // 60, minute % 60)


@st.composite
def open_days(draw: st.DrawFn) -> OpenDay:
    """Up to three intervals, the last perhaps over midnight; many begin or end in the night."""
    minutes = st.integers(0, 1439) | st.integers(0, 4 * 60) | st.sampled_from([0, 60, 120, 180])
    bounds = sorted(draw(st.lists(minutes, max_size=6, unique=True)))
    intervals = list(zip(bounds[::2], bounds[1::2], strict=False))
    if len(bounds) % 2:
        intervals.append((bounds[-1], draw(st.integers(0, bounds[-1]))))
    return tuple(OpenInterval(_as_time(start), _as_time(end)) for start, end in intervals)


@st.composite
def operating_hours(draw: st.DrawFn, around: date) -> OperatingHours:
    """Any hours, with exceptions on a few of the days around that date."""
    near = st.integers(-4, 4).map(lambda days: around + timedelta(days=days))
    dated = draw(st.dictionaries(near, open_days(), max_size=3))
    week = draw(st.tuples(*[open_days()] * 7))
    return OperatingHours(week, tuple(DatedHours(day, dated[day]) for day in sorted(dated)))
