"""Offline stretches by brute force: a clock on the wall, looked at once a minute.

It shares no code with the rules it checks. Where the clock is put back, what it showed before
counts until it has caught up; where it is put forward, it never shows what it skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from domain.operating_hours import OperatingHours

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Watched:
    """What was seen: whether chat was offline in each minute from `since` on."""

    since: datetime
    offline: list[bool]

    def stretches(self) -> list[tuple[datetime, datetime]]:
        """Every stretch whose beginning and end were both seen."""
        runs = [(was, sum(1 for _ in run)) for was, run in groupby(self.offline)]
        found, moment = [], self.since
        for index, (was_offline, minutes) in enumerate(runs):
            if was_offline and 0 < index < len(runs) - 1:
                found.append((moment, moment + minutes * MINUTE))
            moment += minutes * MINUTE
        return found


def watch(hours: OperatingHours, zone: ZoneInfo, since: datetime, until: datetime) -> Watched:
    """The clock in that zone has been looked at in every minute from `since` until `until`."""
    return Watched(since, [not _is_open(hours, wall) for wall in _readings(zone, since, until)])


@lru_cache
def changes_of_clocks(zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """Every hour in which the distance of local time from UTC changes."""
    found, moment, hour = [], since, timedelta(hours=1)
    while moment < until:
        # A day without a change has none in its hours, for no zone changes back within a day.
        step = hour * 24
        if _offset(zone, moment) != _offset(zone, moment + step):
            hours = (moment + number * hour for number in range(24))
            found += [at for at in hours if _offset(zone, at) != _offset(zone, at + hour)]
        moment += step
    return found


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _readings(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    moment = since.astimezone(UTC)
    furthest = datetime.min  # noqa: DTZ901 - a clock on a wall has no zone
    while moment < until:
        furthest = max(furthest, moment.astimezone(zone).replace(tzinfo=None))
        yield furthest
        moment += MINUTE


def _is_open(hours: OperatingHours, wall: datetime) -> bool:
    """Whether the wall time is in an interval of its own date or of the one before."""
    return any(
        start <= wall < end
        for days_before in (0, 1)
        for start, end in _intervals(hours, wall - timedelta(days=days_before))
    )


def _intervals(hours: OperatingHours, day: datetime) -> Iterator[tuple[datetime, datetime]]:
    midnight = datetime.combine(day.date(), time())
    dated = [one.open for one in hours.exceptions if one.date == midnight.date()]
    for interval in dated[0] if dated else hours.weekly[midnight.weekday()]:
        start = midnight + timedelta(hours=interval.start.hour, minutes=interval.start.minute)
        end = midnight + timedelta(hours=interval.end.hour, minutes=interval.end.minute)
        yield start, end if start < end else end + timedelta(days=1)
