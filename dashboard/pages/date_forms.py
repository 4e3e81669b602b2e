"""When an old secret is to end, as forms ask for it: now, in off-hours, or at a local time."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.off_hours import instant_of
from domain.rotation_dates import AtTime, OffHours, When
from domain.rotation_refusals import DateInvalid

NOW = "now"
OFF_HOURS = "off_hours"
AT = "at"


@dataclass(frozen=True, slots=True)
class DateForm:
    """What was entered.

    Attributes:
        choice: one of `now`, `off_hours`, `at`.
        local_time: for `at`: as the project's clock shows it, without a zone.
    """

    choice: str = NOW
    local_time: str = ""

    def when(self, zone: ZoneInfo) -> When | None:
        """The date that is wished for; None for now.

        A local time that the clocks skip is the next they show; of two the first is meant.

        Raises:
            DateInvalid: it is no date.
        """
        match self.choice:
            case "now":
                return None
            case "off_hours":
                return OffHours()
            case "at":
                return AtTime(self._instant(zone))
        raise DateInvalid("when: choose now, the next off-hours, or a time")

    def _instant(self, zone: ZoneInfo) -> datetime:
        try:
            return instant_of(read_local_time(self.local_time), zone)
        except OverflowError:
            raise DateInvalid("local_time: give a nearer time") from None


@dataclass(frozen=True, slots=True)
class MomentShown:
    """What a local time comes to, for people.

    Attributes:
        is_skipped: the clocks jump over the time that was given.
        is_repeated: they show it twice.
    """

    local: str
    zone: str
    utc: str
    is_skipped: bool
    is_repeated: bool


def read_local_time(text: str) -> datetime:
    """The wall time, to the minute, without a zone.

    Raises:
        DateInvalid: it is none.
    """
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise DateInvalid("local_time: give a day and a time") from None
    if local.tzinfo is not None:
        raise DateInvalid("local_time: give the time that the project's clock shows")
    return local.replace(second=0, microsecond=0)


def show_moment(local: datetime, zone: ZoneInfo) -> MomentShown:
    """The instant at which the project's clock shows this time, or the next one after a gap.

    Raises:
        DateInvalid: no calendar goes that far.
    """
    try:
        instant = instant_of(local, zone)
        shown = instant.astimezone(zone)
        first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    except OverflowError:
        raise DateInvalid("local_time: give a nearer time") from None
    is_skipped = shown.replace(tzinfo=None) != local
    return MomentShown(
        local=_words(shown),
        zone=zone.key,
        utc=_words(instant),
        is_skipped=is_skipped,
        is_repeated=first != second and not is_skipped,
    )


def _words(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}"
