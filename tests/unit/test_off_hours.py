"""Offline stretches: instants computed from wall times, whatever the clocks do."""

import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from domain.off_hours import (
    HORIZON,
    Stretch,
    find_next_stretch,
    instant_of,
    next_stretches,
    window_containing,
)
from domain.operating_hours import OperatingHours
from tests.unit.hours_made_up import (
    ALWAYS_OFFLINE,
    ROUND_THE_CLOCK,
    every_day,
    hours,
    operating_hours,
)
from tests.unit.wall_clocks import changes_of_clocks, watch

ROME = ZoneInfo("Europe/Rome")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
TROLL = ZoneInfo("Antarctica/Troll")
CHATHAM = ZoneInfo("Pacific/Chatham")

ZONES = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Caracas",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
)
LONG = bool(os.environ.get("WIDGET_AUTH_LONG_TESTS"))
FIRST = datetime(2011, 6, 1, tzinfo=UTC)
LAST = datetime(2026, 6, 1, tzinfo=UTC)
WATCHED = timedelta(days=3) if LONG else timedelta(hours=36)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _ends(stretches: list[Stretch]) -> list[tuple[str, str]]:
    return [(f"{one.starts_at:%d %H:%M}", f"{one.ends_at:%d %H:%M}") for one in stretches]


def test_the_next_stretches_are_between_the_openings() -> None:
    """A break at noon, the nights, and no end on a Sunday that is empty."""
    week = hours(*[[["09:00", "12:30"], ["13:30", "18:00"]]] * 6, [])
    friday = _utc("2026-11-20 11:00")

    found = next_stretches(week, ROME, friday, count=5)

    assert _ends(found) == [
        ("20 11:30", "20 12:30"),
        ("20 17:00", "21 08:00"),
        ("21 11:30", "21 12:30"),
        ("21 17:00", "23 08:00"),
        ("23 11:30", "23 12:30"),
    ]


def test_a_stretch_is_as_long_as_asked() -> None:
    """A break at noon is too short for two hours."""
    shop = every_day(("09:00", "12:30"), ("13:30", "18:00"))
    moment = _utc("2026-11-20 11:00")

    found = find_next_stretch(shop, ROME, moment, least=timedelta(hours=2))

    assert found is not None
    assert _ends([found]) == [("20 17:00", "21 08:00")]
    assert window_containing(shop, ROME, _utc("2026-11-20 12:00")) is not None
    at_noon = window_containing(shop, ROME, _utc("2026-11-20 12:00"), timedelta(hours=2))
    assert at_noon is None


def test_a_stretch_that_runs_already_is_not_the_next_one() -> None:
    """Nor is one that begins at this very moment; both are what the moment is in."""
    shop = every_day(("09:00", "18:00"))
    closing = _utc("2026-11-20 17:00")

    for moment in (closing, closing + timedelta(hours=3)):
        assert _ends(next_stretches(shop, ROME, moment, count=1)) == [("21 17:00", "22 08:00")]
        window = window_containing(shop, ROME, moment)
        assert window is not None
        assert _ends([window]) == [("20 17:00", "21 08:00")]


def test_a_window_ends_just_before_the_opening() -> None:
    """The minute in which chat opens is not in it."""
    shop = every_day(("09:00", "18:00"))
    opening = _utc("2026-11-21 08:00")

    assert window_containing(shop, ROME, opening) is None
    assert window_containing(shop, ROME, opening - timedelta(microseconds=1)) is not None


def test_never_offline_has_no_stretch() -> None:
    """Without hours, with hours round the clock, and with hours that meet at midnight."""
    moment = _utc("2026-11-20 11:00")
    meeting = every_day(("00:00", "12:00"), ("12:00", "00:00"))

    for never in (None, ROUND_THE_CLOCK, meeting):
        assert next_stretches(never, ROME, moment, count=5) == []
        assert find_next_stretch(never, ROME, moment) is None
        assert window_containing(never, ROME, moment) is None


def test_always_offline_is_one_endless_stretch() -> None:
    """From the next minute on; it is not followed for ever."""
    moment = _utc("2026-11-20 11:00:30")

    (found,) = next_stretches(ALWAYS_OFFLINE, ROME, moment, count=5)
    window = window_containing(ALWAYS_OFFLINE, ROME, moment)

    assert found.is_endless
    assert found.starts_at == _utc("2026-11-20 11:01")
    assert found.ends_at == found.starts_at + HORIZON
    assert window is not None
    assert window.starts_at == moment - HORIZON


def test_a_long_closure_is_seen_whole() -> None:
    """Offline but for two dates nearly a year apart."""
    rare = hours(
        [],
        exceptions=[
            {"date": "2026-01-05", "open": [["09:00", "17:00"]]},
            {"date": "2026-12-20", "open": [["09:00", "17:00"]]},
        ],
    )
    within, after = _utc("2026-06-01 12:00"), _utc("2026-12-20 12:00")

    window = window_containing(rare, ROME, within)
    (last,) = next_stretches(rare, ROME, within, count=3)

    assert window is not None
    assert (window.starts_at, window.ends_at) == (
        _utc("2026-01-05 16:00"),
        _utc("2026-12-20 08:00"),
    )
    assert not window.is_endless
    assert last.starts_at == _utc("2026-12-20 16:00")
    assert window_containing(rare, ROME, after) is None


def test_an_exception_takes_the_place_of_its_weekday() -> None:
    """The night that began the day before still runs into it."""
    night_shift = hours(
        [["20:00", "02:00"]],
        exceptions=[
            {"date": "2026-12-25", "open": []},
            {"date": "2026-12-26", "open": [["12:00", "13:00"]]},
        ],
    )

    found = next_stretches(night_shift, ZoneInfo("UTC"), _utc("2026-12-24 21:00"), count=3)

    assert _ends(found) == [
        ("25 02:00", "26 12:00"),
        ("26 13:00", "27 20:00"),
        ("28 02:00", "28 20:00"),
    ]


def test_a_night_shift_that_began_yesterday_still_runs() -> None:
    """Asked after midnight, the next stretch begins at its end."""
    night_shift = every_day(("20:00", "06:00"))
    at_night = _utc("2026-11-17 01:00")

    assert _ends(next_stretches(night_shift, ZoneInfo("UTC"), at_night, count=1)) == [
        ("17 06:00", "17 20:00")
    ]
    assert window_containing(night_shift, ZoneInfo("UTC"), at_night) is None


def test_openings_that_overlap_over_midnight_are_one() -> None:
    """Monday's long night reaches into Tuesday's day."""
    long_night = hours([["22:00", "11:00"]], [["09:00", "10:00"]], [], [], [], [], [])

    found = next_stretches(long_night, ZoneInfo("UTC"), _utc("2026-11-16 12:00"), count=2)

    assert _ends(found) == [("17 11:00", "23 22:00"), ("24 11:00", "30 22:00")]


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        (NEW_YORK, "2026-03-08 02:30", "2026-03-08 07:00"),  # skipped: 03:00 is next
        (NEW_YORK, "2026-03-08 02:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08 01:59", "2026-03-08 06:59"),
        (NEW_YORK, "2026-03-08 03:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-11-01 01:30", "2026-11-01 05:30"),  # twice: the first, still EDT
        (NEW_YORK, "2026-11-01 02:00", "2026-11-01 07:00"),
        (LORD_HOWE, "2026-10-04 02:10", "2026-10-03 15:30"),  # half an hour
        (LORD_HOWE, "2026-04-05 01:45", "2026-04-04 14:45"),
        (TROLL, "2026-03-29 01:30", "2026-03-29 01:00"),  # two hours, from UTC
        (TROLL, "2026-10-25 02:30", "2026-10-25 00:30"),
        (SAO_PAULO, "2018-11-04 00:00", "2018-11-04 03:00"),  # midnight itself
        (SAO_PAULO, "2018-02-17 23:30", "2018-02-18 01:30"),  # twice, before midnight
        (CHATHAM, "2026-09-27 02:50", "2026-09-26 14:00"),  # at 02:45, from +12:45
        (CHATHAM, "2026-04-05 03:00", "2026-04-04 13:15"),
        (APIA, "2011-12-30 00:00", "2011-12-30 10:00"),  # a day that never was
        (APIA, "2011-12-30 18:00", "2011-12-30 10:00"),
        (APIA, "2011-12-31 00:00", "2011-12-30 10:00"),
        (APIA, "2011-12-29 23:59", "2011-12-30 09:59"),
    ],
)
def test_a_wall_time_is_the_first_instant_that_shows_it(
    zone: ZoneInfo, local: str, instant: str
) -> None:
    """Or the next one shown, where the clocks skip it."""
    assert instant_of(datetime.fromisoformat(local), zone) == _utc(instant)


def test_a_preview_shows_both_clocks_and_marks_their_changes() -> None:
    """The night that is an hour short, and the ones beside it."""
    shop = every_day(("09:00", "18:00"))

    found = next_stretches(shop, NEW_YORK, _utc("2026-03-07 12:00"), count=3)

    assert [one.to_json()["dst_shift"] for one in found] == [True, False, False]
    assert found[0].length == timedelta(hours=14)
    assert found[0].to_json() == {
        "starts_at": "2026-03-07T23:00:00.000Z",
        "ends_at": "2026-03-08T13:00:00.000Z",
        "local_start": "2026-03-07T18:00:00-05:00",
        "local_end": "2026-03-08T09:00:00-04:00",
        "dst_shift": True,
    }


def test_a_start_that_the_clocks_moved_is_marked_too() -> None:
    """Closing at 02:30 in the night without a 02:30."""
    bar = every_day(("18:00", "02:30"))

    found = next_stretches(bar, NEW_YORK, _utc("2026-03-08 01:00"), count=2)

    assert [(one.to_json()["local_start"], one.dst_shift) for one in found] == [
        ("2026-03-08T03:00:00-04:00", True),
        ("2026-03-09T02:30:00-04:00", False),
    ]


def test_hours_in_a_day_that_never_was_are_left_out() -> None:
    """Samoa went from Thursday to Saturday."""
    shop = every_day(("09:00", "18:00"))

    found = next_stretches(shop, APIA, _utc("2011-12-29 20:00"), count=2)

    assert [one.to_json()["local_start"] for one in found] == [
        "2011-12-29T18:00:00-10:00",
        "2011-12-31T18:00:00+14:00",
    ]
    assert found[0].length == timedelta(hours=15)


def test_clocks_put_back_do_not_open_chat_again() -> None:
    """Open until 01:30 means until the first of two; open from 01:30 likewise."""
    bar, early = every_day(("18:00", "01:30")), every_day(("01:30", "10:00"))
    evening = _utc("2026-11-01 01:00")

    (after_bar,) = next_stretches(bar, NEW_YORK, evening, count=1)
    before_early = window_containing(early, NEW_YORK, evening)

    assert after_bar.starts_at == _utc("2026-11-01 05:30")
    assert before_early is not None
    assert before_early.ends_at == _utc("2026-11-01 05:30")


def _check_against_the_clock(hours_: OperatingHours, zone: ZoneInfo, around: datetime) -> None:
    since, until = around - WATCHED, around + WATCHED
    watched = watch(hours_, zone, since, until)
    expected = watched.stretches()

    found = next_stretches(hours_, zone, since, count=len(expected))

    assert [(one.starts_at, one.ends_at) for one in found] == expected
    for minute, was_offline in list(enumerate(watched.offline))[::61]:
        moment = since + timedelta(minutes=minute)
        window = window_containing(hours_, zone, moment)
        assert (window is not None) == was_offline
        assert window is None or window.holds(moment)


@st.composite
def _hours_near_a_change(draw: st.DrawFn) -> tuple[OperatingHours, ZoneInfo, datetime]:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    changes = changes_of_clocks(zone, FIRST, LAST) or [FIRST]
    around = draw(st.sampled_from(changes))
    return draw(operating_hours(around.date())), zone, around


@settings(max_examples=16)
@given(_hours_near_a_change())
def test_stretches_agree_with_a_clock_on_the_wall(
    case: tuple[OperatingHours, ZoneInfo, datetime],
) -> None:
    """Looked at minute by minute through some change of clocks."""
    _check_against_the_clock(*case)


def _check_any_hours(zone: ZoneInfo, around: datetime) -> None:
    @settings(max_examples=10, database=None)
    @given(operating_hours(around.date()))
    def check(some: OperatingHours) -> None:
        _check_against_the_clock(some, zone, around)

    check()


if LONG:  # takes minutes

    @pytest.mark.timeout(3600)
    @pytest.mark.parametrize("name", ZONES)
    def test_stretches_agree_around_every_change_of_clocks(name: str) -> None:
        """Fifteen years of them, Samoa's missing day among them."""
        zone = ZoneInfo(name)
        for around in changes_of_clocks(zone, FIRST, LAST) or [FIRST]:
            _check_any_hours(zone, around)
