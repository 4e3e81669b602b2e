"""Operating hours, as the form holds them: rows of two times, for weekdays and for dates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from domain.json_values import Json
from domain.operating_hours import WEEKDAYS, OpenDay, OperatingHours, parse_hours
from domain.project_settings import version_of
from domain.projects import Project, check_time_zone

NEVER_OFFLINE = "never_offline"
BY_HOURS = "by_hours"
ALWAYS_OFFLINE = "always_offline"

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MEMBERS = ("operating_hours", "time_zone")
"""What the form changes about its project."""
DAYS = dict(zip(WEEKDAYS, _NAMES, strict=True))


@dataclass(frozen=True, slots=True)
class HoursRow:
    """Open from one time until another, as entered; of a date where it is an exception."""

    start: str = ""
    end: str = ""
    date: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether neither time is given."""
        return not (self.start or self.end)

    @property
    def is_over_midnight(self) -> bool:
        """Whether it ends on the following day."""
        return bool(self.start and self.end) and self.end <= self.start

    def to_json(self) -> list[Json]:
        """The interval."""
        return [self.start, self.end]


@dataclass(frozen=True, slots=True)
class HoursForm:
    """What was entered.

    Attributes:
        chat: one of `never_offline`, `by_hours`, `always_offline`.
        weekly: the rows of each weekday.
        exceptions: rows with dates; one without times makes its date offline.
        version: of the hours that the page showed when it was made.
    """

    time_zone: str
    chat: str
    weekly: dict[str, list[HoursRow]]
    exceptions: list[HoursRow]
    version: str

    @classmethod
    def of_project(cls, project: Project) -> "HoursForm":
        """The hours that the project has."""
        hours, version = parse_hours(project.operating_hours), version_of(project, MEMBERS)
        if hours is None:
            return cls(project.time_zone, NEVER_OFFLINE, {day: [] for day in WEEKDAYS}, [], version)
        weekly = {
            day: [*_rows(intervals)] for day, intervals in zip(WEEKDAYS, hours.weekly, strict=True)
        }
        exceptions = [
            row
            for dated in hours.exceptions
            for row in [*_rows(dated.open, dated.date.isoformat())]
            or [HoursRow(date=dated.date.isoformat())]
        ]
        is_open = any(weekly.values()) or exceptions
        chat = BY_HOURS if is_open else ALWAYS_OFFLINE
        return cls(project.time_zone, chat, weekly, exceptions, version)

    @classmethod
    def of_fields(cls, fields: FormData) -> "HoursForm":
        """What the browser sent; a weekday's rows without times are none."""
        weekly = {
            day: [
                row
                for row in _paired(_texts(fields, f"{day}_start"), _texts(fields, f"{day}_end"))
                if not row.is_empty
            ]
            for day in WEEKDAYS
        }
        dates = _texts(fields, "exception_date")
        times = _paired(_texts(fields, "exception_start"), _texts(fields, "exception_end"))
        exceptions = [
            HoursRow(row.start, row.end, date)
            for date, row in zip(dates, times, strict=False)
            if date or not row.is_empty
        ]
        zone, chat, version = (
            next(iter(_texts(fields, name)), "") for name in ("time_zone", "chat", "version")
        )
        return cls(zone.strip(), chat or NEVER_OFFLINE, weekly, exceptions, version)

    def zone(self) -> ZoneInfo:
        """The time zone.

        Raises:
            Invalid: there is none of that name.
        """
        return ZoneInfo(check_time_zone(self.time_zone))

    def hours(self) -> OperatingHours | None:
        """The hours.

        Raises:
            HoursInvalid: naming the row, and what to give instead.
        """
        return parse_hours(self._json())

    def _json(self) -> Json:
        if self.chat == NEVER_OFFLINE:
            return None
        if self.chat == ALWAYS_OFFLINE:
            return {"weekly": {}}
        weekly: dict[str, Json] = {
            day: [row.to_json() for row in rows] for day, rows in self.weekly.items()
        }
        by_date: dict[str, list[Json]] = {}
        for row in self.exceptions:
            by_date.setdefault(row.date, []).extend([] if row.is_empty else [row.to_json()])
        exceptions: list[Json] = [{"date": date, "open": open_} for date, open_ in by_date.items()]
        return {"weekly": weekly, "exceptions": exceptions}


def _rows(intervals: OpenDay, date: str = "") -> Iterator[HoursRow]:
    for each in intervals:
        yield HoursRow(each.start.isoformat("minutes"), each.end.isoformat("minutes"), date)


def _paired(starts: Sequence[str], ends: Sequence[str]) -> list[HoursRow]:
    return [HoursRow(start, end) for start, end in zip(starts, ends, strict=False)]


def _texts(fields: FormData, name: str) -> list[str]:
    return [text for text in fields.getlist(name) if isinstance(text, str)]
