"""When chat is open: intervals of local wall time for each weekday, and dates that differ.

No hours at all (`None` here, `null` in JSON) means never offline; hours whose days are all empty
mean always offline.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from typing import TypeAlias

from domain.errors import Invalid
from domain.json_values import Json, JsonObject

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_INTERVALS = 12
MOST_EXCEPTIONS = 400
FIRST_YEAR = 2000
LAST_YEAR = 2199

_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ENDS = 2
_SHOWN = 64


class HoursInvalid(Invalid):
    """The operating hours are not of the expected form."""

    def __init__(self, field: str, expectation: str) -> None:
        self.field = f"operating_hours{field}"
        super().__init__(f"{self.field}: {expectation}")


@dataclass(frozen=True, slots=True, order=True)
class OpenInterval:
    """Open from one local wall time until another; over midnight where that is not later."""

    start: time
    end: time

    @property
    def is_over_midnight(self) -> bool:
        """Whether it ends on the following day (24 hours later where both times are the same)."""
        return self.end <= self.start


OpenDay: TypeAlias = tuple[OpenInterval, ...]


@dataclass(frozen=True, slots=True)
class DatedHours:
    """The hours of one date, instead of its weekday's; empty for a day offline."""

    date: date
    open: OpenDay


@dataclass(frozen=True, slots=True)
class OperatingHours:
    """A project's hours: each interval belongs to the day it starts on.

    Attributes:
        weekly: seven days from Monday, each with its intervals in order, none overlapping.
        exceptions: in the order of their dates, each date once.
    """

    weekly: tuple[OpenDay, ...]
    exceptions: tuple[DatedHours, ...] = ()

    @classmethod
    def from_json(cls, value: Json) -> "OperatingHours":
        """The hours that the object describes; a weekday it leaves out is offline.

        Raises:
            HoursInvalid: naming the member, and what to give instead.
        """
        members = _members("", value, ("weekly", "exceptions"))
        if "weekly" not in members:
            raise HoursInvalid(".weekly", 'give an object such as {"mon": [["09:00", "17:30"]]}')
        weekly = _members(".weekly", members["weekly"], WEEKDAYS)
        return cls(
            tuple(_open_day(f".weekly.{day}", weekly.get(day, [])) for day in WEEKDAYS),
            _exceptions(members.get("exceptions", [])),
        )

    def to_json(self) -> JsonObject:
        """All members, as `from_json` reads them."""
        days = zip(WEEKDAYS, self.weekly, strict=True)
        return {
            "weekly": {day: _open_json(intervals) for day, intervals in days},
            "exceptions": [
                {"date": one.date.isoformat(), "open": _open_json(one.open)}
                for one in self.exceptions
            ],
        }


def parse_hours(value: Json) -> OperatingHours | None:
    """The hours, or None for a project that is never offline.

    Raises:
        HoursInvalid: naming the member, and what to give instead.
    """
    return None if value is None else OperatingHours.from_json(value)


def _members(field: str, value: Json, known: tuple[str, ...]) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise HoursInvalid(field, f"give an object with {', '.join(known)}")
    for member in value:
        if member not in known:
            there_are = f"there is no such member; there are {', '.join(known)}"
            raise HoursInvalid(f"{field}.{member[:_SHOWN]}", there_are)
    return value


def _open_day(field: str, value: Json) -> OpenDay:
    if not isinstance(value, list):
        raise HoursInvalid(field, 'give a list of intervals, such as [["09:00", "17:30"]] or []')
    if len(value) > MOST_INTERVALS:
        raise HoursInvalid(field, f"give at most {MOST_INTERVALS} intervals a day")
    intervals = tuple(
        sorted(_interval(f"{field}[{index}]", pair) for index, pair in enumerate(value))
    )
    for one, following in pairwise(intervals):
        if one.is_over_midnight or following.start < one.end:
            both = f"{_interval_text(one)} and {_interval_text(following)}"
            raise HoursInvalid(field, f"{both} overlap; join them into one interval")
    return intervals


def _interval(field: str, value: Json) -> OpenInterval:
    if not isinstance(value, list) or len(value) != _ENDS:
        raise HoursInvalid(field, 'give start and end, such as ["09:00", "17:30"]')
    return OpenInterval(_wall_time(f"{field}[0]", value[0]), _wall_time(f"{field}[1]", value[1]))


def _wall_time(field: str, value: Json) -> time:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        expectation = "give a local time from 00:00 to 23:59; midnight is 00:00 also as an end"
        raise HoursInvalid(field, expectation)
    return time.fromisoformat(value)


def _exceptions(value: Json) -> tuple[DatedHours, ...]:
    field = ".exceptions"
    if not isinstance(value, list):
        raise HoursInvalid(field, 'give a list such as [{"date": "2026-12-25", "open": []}]')
    if len(value) > MOST_EXCEPTIONS:
        raise HoursInvalid(field, f"give at most {MOST_EXCEPTIONS}; take out dates that are over")
    dated = [_dated_hours(f"{field}[{index}]", one) for index, one in enumerate(value)]
    for day, times in Counter(one.date for one in dated).items():
        if times > 1:
            raise HoursInvalid(field, f"{day.isoformat()} is there more than once; keep one")
    return tuple(sorted(dated, key=lambda one: one.date))


def _dated_hours(field: str, value: Json) -> DatedHours:
    members = _members(field, value, ("date", "open"))
    if "open" not in members:
        raise HoursInvalid(f"{field}.open", "give a list of intervals; [] for a day offline")
    return DatedHours(
        _date(f"{field}.date", members.get("date")), _open_day(f"{field}.open", members["open"])
    )


def _date(field: str, value: Json) -> date:
    # `date.fromisoformat` alone would also read 20261225 and 2026-W52-5.
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise HoursInvalid(field, f"there is no {value} in the calendar") from None
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    raise HoursInvalid(field, f"give a date such as 2026-12-25, {FIRST_YEAR} to {LAST_YEAR}")


def _open_json(intervals: OpenDay) -> list[Json]:
    return [list(_texts(interval)) for interval in intervals]


def _texts(interval: OpenInterval) -> Iterator[str]:
    yield interval.start.isoformat("minutes")
    yield interval.end.isoformat("minutes")


def _interval_text(interval: OpenInterval) -> str:
    return "-".join(_texts(interval))
