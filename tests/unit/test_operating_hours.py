"""Operating hours as a project's settings hold them."""

from datetime import date

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from domain.json_values import Json
from domain.operating_hours import (
    MOST_EXCEPTIONS,
    MOST_INTERVALS,
    HoursInvalid,
    OperatingHours,
    parse_hours,
)
from tests.unit.hours_made_up import ALWAYS_OFFLINE, operating_hours

SHOP: Json = {
    "weekly": {
        "mon": [["13:30", "18:00"], ["09:00", "12:30"]],
        "fri": [["22:00", "02:00"]],
        "sun": [],
    },
    "exceptions": [
        {"date": "2027-01-01", "open": [["12:00", "12:00"]]},
        {"date": "2026-12-25", "open": []},
    ],
}


def _week(monday: Json) -> Json:
    return {"weekly": {"mon": monday}}


def _dated(*exceptions: Json) -> Json:
    return {"weekly": {}, "exceptions": list(exceptions)}


def test_hours_are_kept_in_order_and_complete() -> None:
    """Whatever the order they came in; a weekday left out is offline."""
    hours = OperatingHours.from_json(SHOP)

    assert hours.to_json() == {
        "weekly": {
            "mon": [["09:00", "12:30"], ["13:30", "18:00"]],
            "tue": [],
            "wed": [],
            "thu": [],
            "fri": [["22:00", "02:00"]],
            "sat": [],
            "sun": [],
        },
        "exceptions": [
            {"date": "2026-12-25", "open": []},
            {"date": "2027-01-01", "open": [["12:00", "12:00"]]},
        ],
    }


def test_never_offline_is_told_apart_from_always_offline() -> None:
    """No hours at all, or hours with nothing in them."""
    assert parse_hours(None) is None
    assert parse_hours({"weekly": {}}) == ALWAYS_OFFLINE


def test_an_end_at_or_before_its_start_is_on_the_next_day() -> None:
    """So 00:00 as an end is midnight, and twice the same time a whole day."""
    intervals: Json = [["08:00", "12:00"], ["18:00", "00:00"]]
    day, night, whole = OperatingHours.from_json(
        {"weekly": {"mon": intervals, "tue": [["12:00", "12:00"]]}}
    ).weekly[:3]

    assert [interval.is_over_midnight for interval in day] == [False, True]
    assert [interval.is_over_midnight for interval in night] == [True]
    assert whole == ()


def test_intervals_may_touch() -> None:
    """Two shifts without a break."""
    parse_hours(_week([["08:00", "12:00"], ["12:00", "16:00"]]))


@pytest.mark.parametrize(
    ("value", "field", "advice"),
    [
        ([], "", "give an object with weekly, exceptions"),
        (False, "", "give an object"),
        ({}, ".weekly", 'give an object such as {"mon"'),
        ({"weekly": None}, ".weekly", "give an object with mon, tue"),
        ({"weekly": {}, "zone": "UTC"}, ".zone", "no such member; there are weekly, exceptions"),
        ({"weekly": {"Mon": []}}, ".weekly.Mon", "there are mon, tue"),
        (_week(None), ".weekly.mon", "give a list of intervals"),
        (_week({}), ".weekly.mon", "give a list of intervals"),
        (_week(["09:00", "17:00"]), ".weekly.mon[0]", "give start and end"),
        (_week([["09:00"]]), ".weekly.mon[0]", "give start and end"),
        (_week([["09:00", "12:00", "13:00"]]), ".weekly.mon[0]", "give start and end"),
        (_week([["09:00", "24:00"]]), ".weekly.mon[0][1]", "midnight is 00:00"),
        (_week([["9:00", "17:00"]]), ".weekly.mon[0][0]", "from 00:00 to 23:59"),
        (_week([["09:00:00", "17:00"]]), ".weekly.mon[0][0]", "from 00:00 to 23:59"),
        (_week([["09:00\n", "17:00"]]), ".weekly.mon[0][0]", "from 00:00 to 23:59"),
        (_week([["٠٩:٠٠", "17:00"]]), ".weekly.mon[0][0]", "from 00:00 to 23:59"),
        (_week([[900, 1700]]), ".weekly.mon[0][0]", "from 00:00 to 23:59"),
        (
            _week([["09:00", "12:30"], ["12:00", "18:00"]]),
            ".weekly.mon",
            "09:00-12:30 and 12:00-18:00 overlap; join them",
        ),
        (
            _week([["20:00", "02:00"], ["22:00", "23:00"]]),
            ".weekly.mon",
            "20:00-02:00 and 22:00-23:00 overlap",
        ),
        (_week([["00:00", "00:01"]] * (MOST_INTERVALS + 1)), ".weekly.mon", "at most 12"),
        ({"weekly": {}, "exceptions": {}}, ".exceptions", "give a list such as"),
        (_dated("2026-12-25"), ".exceptions[0]", "give an object with date, open"),
        (_dated({"open": []}), ".exceptions[0].date", "give a date such as"),
        (_dated({"date": "2026-12-25"}), ".exceptions[0].open", "[] for a day offline"),
        (_dated({"date": "20261225", "open": []}), ".exceptions[0].date", "give a date such"),
        (_dated({"date": "2026-W52-5", "open": []}), ".exceptions[0].date", "give a date such"),
        (_dated({"date": "2026-02-29", "open": []}), ".exceptions[0].date", "no 2026-02-29"),
        (_dated({"date": "9999-12-31", "open": []}), ".exceptions[0].date", "2000 to 2199"),
        (_dated({"date": "2026-12-25", "open": [[]]}), ".exceptions[0].open[0]", "give start"),
        (
            _dated({"date": "2026-12-25", "open": []}, {"date": "2026-12-25", "open": []}),
            ".exceptions",
            "2026-12-25 is there more than once",
        ),
        (_dated(*[None] * (MOST_EXCEPTIONS + 1)), ".exceptions", "at most 400"),
    ],
)
def test_a_wrong_member_is_named_with_what_to_do(value: Json, field: str, advice: str) -> None:
    """So that whoever sent it can put it right without the manual."""
    with pytest.raises(HoursInvalid) as refused:
        parse_hours(value)

    assert refused.value.field == f"operating_hours{field}"
    assert advice in str(refused.value)


@settings(max_examples=25)
@given(operating_hours(date(2026, 3, 29)))
def test_hours_come_back_as_written(hours: OperatingHours) -> None:
    """What SQL holds is what was accepted."""
    assert parse_hours(hours.to_json()) == hours


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["09:00", "mon", "2026-12-25"]),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(
            st.sampled_from(["weekly", "exceptions", "mon", "date", "open"]), values, max_size=3
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_anything_else_is_refused_by_name(value: Json) -> None:
    """No input gets past with another error than ours."""
    try:
        hours = parse_hours(value)
    except HoursInvalid:
        return
    assert hours is None or parse_hours(hours.to_json()) == hours
