"""When a rotation cuts: the date it is given, and the one it is moved to.

A rotation for off-hours cuts at the beginning of an offline stretch and never while chat is open;
one for a given time cuts then, or as soon as possible afterwards.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.off_hours import (
    NeverOffline,
    Stretch,
    find_next_stretch,
    instant_of,
    window_containing,
)
from domain.operating_hours import OperatingHours
from domain.rotation_refusals import DateInvalid
from domain.rotations import Moved, Rotation, RotationHow
from domain.times import from_wire

LATEST = timedelta(days=400)
MOST_STRETCH_MINUTES = 7 * 24 * 60

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A project's hours in its zone, and the moment that is now."""

    hours: OperatingHours | None
    zone: ZoneInfo
    now: datetime

    def next_stretch(self, since: datetime | None, minutes: int) -> Stretch | None:
        """The next stretch that is long enough and begins after now, and not before `since`."""
        earliest = self.now
        if since is not None and since > self.now:
            # A stretch that begins at `since` itself will do; one that begins now is not next.
            earliest = since - timedelta.resolution
        return find_next_stretch(self.hours, self.zone, earliest, timedelta(minutes=minutes))

    def is_offline(self, minutes: int) -> bool:
        """Whether now is in a stretch that is long enough."""
        least = timedelta(minutes=minutes)
        return window_containing(self.hours, self.zone, self.now, least) is not None

    def tomorrow_at(self, moment: datetime) -> datetime:
        """Tomorrow, when the local clock shows what it showed at that moment."""
        today = self.now.astimezone(self.zone).date()
        wall = moment.astimezone(self.zone).time()
        return instant_of(datetime.combine(today + _DAY, wall), self.zone)


@dataclass(frozen=True, slots=True)
class AtTime:
    """At this very moment."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class OffHours:
    """When chat is next offline for so many minutes, not before the given moment."""

    minutes: int = 0
    not_before: datetime | None = None


When: TypeAlias = AtTime | OffHours


def parse_when(text: str) -> When | None:
    """The date that `retire_previous` asks for; None for `now`.

    Raises:
        DateInvalid: it is none of `now`, `off_hours` and a time.
    """
    match text:
        case "now":
            return None
        case "off_hours":
            return OffHours()
    try:
        return AtTime(from_wire(text))
    except (ValueError, OverflowError):
        expectation = "give now, off_hours, or a time such as 2026-11-22T02:00:00Z"
        raise DateInvalid(f"retire_previous: {expectation}") from None


def dated(rotation: Rotation, when: When, calendar: Calendar) -> Rotation:
    """The rotation with the date that is asked for.

    Raises:
        DateInvalid: the time is over, or too far off.
        NeverOffline: there are no off-hours.
    """
    match when:
        case AtTime(moment):
            return _at(rotation, _check_time(moment, calendar.now))
        case OffHours(minutes, not_before):
            return _in_off_hours(rotation, _check_minutes(minutes), not_before, calendar)


def undated(rotation: Rotation) -> Rotation:
    """The rotation without a date: both its secrets stay valid."""
    return replace(rotation, due_at=None, window_ends_at=None, moved_because=None, moved_at=None)


def is_due(rotation: Rotation, now: datetime) -> bool:
    """Whether its date has come."""
    return rotation.due_at is not None and rotation.due_at <= now


def may_cut(rotation: Rotation, calendar: Calendar) -> bool:
    """Whether a rotation that is due may be carried out now, or chat is open that should not be.

    Off-hours are looked up anew: the hours of today count, not those it was planned by; only a
    pinned one keeps its own window. A rotation for a given time asks nothing.
    """
    if rotation.how != RotationHow.OFF_HOURS:
        return True
    own_until = rotation.window_ends_at if rotation.pinned else None
    in_its_own = own_until is not None and calendar.now < own_until
    return in_its_own or calendar.is_offline(rotation.stretch_minutes)


def postponed(rotation: Rotation, because: Moved | None, calendar: Calendar) -> Rotation:
    """The rotation with its next date: the next off-hours, whatever it was planned for.

    Where chat is always offline, or never and it was planned for a time, that is tomorrow at the
    same local time. One for off-hours that do not exist any more has no date.
    """
    stretch = calendar.next_stretch(None, rotation.stretch_minutes)
    if stretch and not stretch.is_endless:
        return _moved(_in_stretch(rotation, stretch), because, calendar.now)
    if stretch is None and rotation.how == RotationHow.OFF_HOURS:
        return _left_without(rotation, calendar.now)
    tomorrow = calendar.tomorrow_at(rotation.due_at or calendar.now)
    ends_at = stretch.ends_at if stretch else None
    later = replace(rotation, due_at=tomorrow, window_ends_at=ends_at)
    return _moved(later, because, calendar.now)


def by_hours(rotation: Rotation, calendar: Calendar) -> Rotation:
    """The rotation with the date that it has by these hours, which may be new ones.

    The same date where nothing that concerns it has changed. One for a given time, a pinned one
    that has a date, and one that is due already (the cut looks for itself) stay as they are.
    """
    keeps_date = rotation.pinned and rotation.due_at is not None
    if rotation.how != RotationHow.OFF_HOURS or keeps_date or is_due(rotation, calendar.now):
        return rotation
    stretch = calendar.next_stretch(rotation.not_before, rotation.stretch_minutes)
    if stretch is None:
        return _left_without(rotation, calendar.now)
    if stretch.is_endless and rotation.due_at:
        return replace(rotation, window_ends_at=stretch.ends_at)
    if stretch.starts_at == rotation.due_at:
        return replace(rotation, window_ends_at=stretch.ends_at)
    return _moved(_in_stretch(rotation, stretch), Moved.HOURS_CHANGED, calendar.now)


def _at(rotation: Rotation, moment: datetime) -> Rotation:
    return replace(
        undated(rotation), how=RotationHow.AT, due_at=moment, not_before=None, stretch_minutes=0
    )


def _in_off_hours(
    rotation: Rotation, minutes: int, not_before: datetime | None, calendar: Calendar
) -> Rotation:
    if not_before and not_before > calendar.now + LATEST:
        raise DateInvalid(f"not_before: give a time within {LATEST.days} days")
    stretch = calendar.next_stretch(not_before, minutes)
    if stretch is None:
        raise NeverOffline
    asked = replace(undated(rotation), stretch_minutes=minutes, not_before=not_before)
    return _in_stretch(asked, stretch)


def _in_stretch(rotation: Rotation, stretch: Stretch) -> Rotation:
    return replace(
        rotation,
        how=RotationHow.OFF_HOURS,
        due_at=stretch.starts_at,
        window_ends_at=stretch.ends_at,
    )


def _left_without(rotation: Rotation, now: datetime) -> Rotation:
    """The rotation without a date, as there are no off-hours any more."""
    left = replace(rotation, due_at=None, window_ends_at=None)
    return _moved(left, Moved.NEVER_OFFLINE, now)


def _moved(rotation: Rotation, because: Moved | None, now: datetime) -> Rotation:
    """The rotation, whose date was moved for that reason now, or once more."""
    since = rotation.moved_at if rotation.moved_because is because else None
    return replace(rotation, moved_because=because, moved_at=since or now)


def _check_time(moment: datetime, now: datetime) -> datetime:
    if moment <= now:
        raise DateInvalid("retire_previous: this time is over; give a later one, or now")
    if moment > now + LATEST:
        raise DateInvalid(f"retire_previous: give a time within {LATEST.days} days")
    return moment


def _check_minutes(minutes: int) -> int:
    if not 0 <= minutes <= MOST_STRETCH_MINUTES:
        raise DateInvalid(f"stretch_minutes: give 0 to {MOST_STRETCH_MINUTES}")
    return minutes
