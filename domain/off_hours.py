"""When chat is offline, as instants: computed from local wall times and the zone's rules.

A local time that the clocks skip is the next one they show; one that they show twice is the first
of the two. So a wall time stands for the first instant at which the local clock shows it or a
later one, and what was true when the clocks were put back stays true until they have caught up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from domain.errors import Invalid
from domain.json_values import JsonObject
from domain.operating_hours import OpenDay, OperatingHours
from domain.times import to_wire

# How far a stretch is looked for, and how far one is followed.
HORIZON = timedelta(days=400)

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
# Enough days back to hold every interval that may still be open, in zones that skip a day too.
_BACK = timedelta(days=3)
_FEW_DAYS = timedelta(days=9)
_NO_LENGTH = timedelta(0)


class NeverOffline(Invalid):
    """Chat is never offline by the operating hours, so there are no off-hours: give a time."""

    code = "never_offline"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Chat is offline from `starts_at` until just before `ends_at`, as far as it was followed."""

    starts_at: datetime
    ends_at: datetime
    zone: ZoneInfo

    @property
    def length(self) -> timedelta:
        """How long it lasts, by no clock's face."""
        return self.ends_at - self.starts_at

    @property
    def is_endless(self) -> bool:
        """Whether a coming one has no opening in sight: it was followed for all of 400 days."""
        return self.length >= HORIZON

    @property
    def dst_shift(self) -> bool:
        """Whether the clocks are changed in it, or at one of its ends."""
        days = range(self.length // _DAY + 1)
        inside = (self.starts_at + day * _DAY for day in days)
        moments = (self.starts_at - _MINUTE, *inside, self.ends_at)
        return len({moment.astimezone(self.zone).utcoffset() for moment in moments}) > 1

    def holds(self, moment: datetime) -> bool:
        """Whether the moment is in it."""
        return self.starts_at <= moment < self.ends_at

    def to_json(self) -> JsonObject:
        """Both ends in UTC and as the local clock shows them, with its distance from UTC."""
        return {
            "starts_at": to_wire(self.starts_at),
            "ends_at": to_wire(self.ends_at),
            "local_start": self.starts_at.astimezone(self.zone).isoformat(timespec="seconds"),
            "local_end": self.ends_at.astimezone(self.zone).isoformat(timespec="seconds"),
            "dst_shift": self.dst_shift,
        }


def next_stretches(
    hours: OperatingHours | None,
    zone: ZoneInfo,
    moment: datetime,
    *,
    count: int,
    least: timedelta = _NO_LENGTH,
) -> list[Stretch]:
    """Up to `count` stretches of at least that length that begin after the moment, in order.

    One that is running already is not among them, unless it is endless: then it stands alone and
    begins with the next minute. There are none where chat is never offline for the next 400 days.
    """
    return list(islice(_coming(hours, zone, moment.astimezone(UTC), least), count))


def find_next_stretch(
    hours: OperatingHours | None,
    zone: ZoneInfo,
    moment: datetime,
    least: timedelta = _NO_LENGTH,
) -> Stretch | None:
    """The first of `next_stretches`, or None where chat is never offline."""
    return next(_coming(hours, zone, moment.astimezone(UTC), least), None)


def window_containing(
    hours: OperatingHours | None,
    zone: ZoneInfo,
    moment: datetime,
    least: timedelta = _NO_LENGTH,
) -> Stretch | None:
    """The stretch of at least that length that the moment is in, or None where chat is open.

    It is followed for 400 days each way.
    """
    if hours is None:
        return None
    moment = moment.astimezone(UTC)
    start = None
    for back in (_FEW_DAYS, HORIZON):
        gaps = _gaps(hours, zone, moment - back, moment + HORIZON)
        start, end = next((gap for gap in gaps if gap[1] > moment), (moment, moment))
        if start is not None:
            break
    window = Stretch(start or moment - HORIZON, end, zone)
    return window if window.holds(moment) and window.length >= least else None


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the local clock shows this wall time or a later one, in UTC.

    Args:
        local: without a zone.
    """
    # fold=0, the default, is the first of two.
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if _wall(instant, zone) == local:
        return instant
    return _end_of_gap(local, zone, instant)


def _end_of_gap(local: datetime, zone: ZoneInfo, after: datetime) -> datetime:
    """When the clocks jump over this wall time: by halves, as `zoneinfo` does not tell."""
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while after - before > _MINUTE:
        middle = before + (after - before) // _MINUTE // 2 * _MINUTE
        if _wall(middle, zone) < local:
            before = middle
        else:
            after = middle
    return after


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _coming(
    hours: OperatingHours | None, zone: ZoneInfo, moment: datetime, least: timedelta
) -> Iterator[Stretch]:
    if hours is None:
        return
    horizon = moment + HORIZON
    for start, end in _gaps(hours, zone, moment, horizon):
        if start is not None and start > moment:
            stretch = Stretch(start, end, zone)
            if stretch.length >= least:
                yield stretch
        elif end == horizon:
            begin = moment.replace(second=0, microsecond=0) + _MINUTE
            yield Stretch(begin, begin + HORIZON, zone)


def _gaps(
    hours: OperatingHours, zone: ZoneInfo, since: datetime, until: datetime
) -> Iterator[tuple[datetime | None, datetime]]:
    """Every gap between openings, from a few days before `since` up to `until`.

    The first has no known start.
    """
    closed_at: datetime | None = None
    for start, end in _openings(hours, zone, since - _BACK, until):
        if closed_at is None or start > closed_at:
            yield closed_at, start
        closed_at = max(closed_at or end, end)
    if closed_at is None or closed_at < until:
        yield closed_at, until


def _openings(
    hours: OperatingHours, zone: ZoneInfo, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Every open interval between the two, by its start; one that the clocks skip is left out."""
    exceptions = {dated.date: dated.open for dated in hours.exceptions}
    day = since.astimezone(zone).date()
    last = until.astimezone(zone).date()
    while day <= last:
        for start, end in _intervals(day, exceptions.get(day, hours.weekly[day.weekday()])):
            opens_at, closes_at = instant_of(start, zone), instant_of(end, zone)
            if opens_at < min(closes_at, until):
                yield opens_at, closes_at
        day += _DAY


def _intervals(day: date, intervals: OpenDay) -> Iterator[tuple[datetime, datetime]]:
    for interval in intervals:
        last = day + _DAY if interval.is_over_midnight else day
        yield datetime.combine(day, interval.start), datetime.combine(last, interval.end)
