"""Ids that sort by the time and the order in which they were made."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import is_uuid, least_uuid7, ordered_uuid7, time_of_uuid7, uuid7

MOMENTS = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
RANDOMNESS = st.binary(min_size=10, max_size=10)


@given(
    moment=MOMENTS,
    later=st.integers(1, 10**9),
    numbers=st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)),
    randomness=st.tuples(RANDOMNESS, RANDOMNESS),
)
def test_later_ids_are_larger(
    moment: datetime,
    later: int,
    numbers: tuple[int, int],
    randomness: tuple[bytes, bytes],
) -> None:
    """A microsecond later, or a number higher, whatever the randomness."""
    first = ordered_uuid7(moment, numbers[0], randomness[0])
    assert first < ordered_uuid7(moment + timedelta(microseconds=later), numbers[1], randomness[1])
    if numbers[0] < numbers[1]:
        assert first < ordered_uuid7(moment, numbers[1], randomness[1])


@given(moment=MOMENTS, number=st.integers(0, 65_535), randomness=RANDOMNESS)
def test_they_are_ordinary_uuids_of_version_7(
    moment: datetime, number: int, randomness: bytes
) -> None:
    """Their time can be read, and nothing of their millisecond is before its least."""
    text = ordered_uuid7(moment, number, randomness)
    assert is_uuid(text)
    assert (text[14], text[19] in "89ab") == ("7", True)
    assert abs(time_of_uuid7(text) - moment) < timedelta(milliseconds=1.1)
    assert least_uuid7(moment) <= text < least_uuid7(moment + timedelta(milliseconds=1))


def test_a_number_has_a_bound() -> None:
    """Rather than running over into the time."""
    with pytest.raises(ValueError, match="65536"):
        ordered_uuid7(datetime(2026, 1, 1, tzinfo=UTC), 65_536, bytes(10))


@given(value=st.uuids())
def test_a_uuid_is_told_by_its_canonical_form(value: UUID) -> None:
    """No other spelling of it counts: ids are compared as text."""
    text = str(value)
    assert is_uuid(text)
    others = (text + "\n", "{" + text + "}", value.hex, "", "\u0660" + text[1:], text + "0")
    assert not any(map(is_uuid, others))
    assert text.upper() == text or not is_uuid(text.upper())


@given(moment=MOMENTS, randomness=RANDOMNESS)
def test_a_uuidv7_is_one(moment: datetime, randomness: bytes) -> None:
    """In canonical form, of version 7 and the right variant, with its time."""
    parsed = UUID(uuid7(moment, randomness))
    assert str(parsed) == uuid7(moment, randomness)
    assert (parsed.version, parsed.variant) == (7, RFC_4122)
    assert abs(time_of_uuid7(str(parsed)) - moment) < timedelta(milliseconds=1.1)
