"""Device ids certify themselves and stand for one anonymous record."""

import uuid
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from domain.device_ids import DeviceIds, anonymous_visitor
from domain.ids import DeviceId, ProjectId

NOW = datetime(2026, 11, 22, 9, 0, 0, 123000, tzinfo=UTC)
HERE = ProjectId("019aa000-0000-7000-8000-000000000001")
ELSEWHERE = ProjectId("019aa000-0000-7000-8000-000000000002")
DEVICE_IDS = DeviceIds((b"1" * 32,))
DEVICE = DEVICE_IDS.issue(HERE, NOW, bytes(range(16)))


def test_an_issued_id_is_certified_for_its_project_only() -> None:
    """Another project does not know it, nor does another key."""
    assert DEVICE_IDS.is_certified(HERE, DEVICE)
    assert not DEVICE_IDS.is_certified(ELSEWHERE, DEVICE)
    assert not DeviceIds((b"2" * 32,)).is_certified(HERE, DEVICE)


def test_ids_of_an_older_key_stay_certified_while_the_first_key_issues() -> None:
    """Changing the key costs nobody their history."""
    both = DeviceIds((b"2" * 32, b"1" * 32))

    assert both.is_certified(HERE, DEVICE)
    assert DeviceIds((b"2" * 32,)).is_certified(HERE, both.issue(HERE, NOW, bytes(16)))


@pytest.mark.parametrize("place", range(51))
def test_no_character_of_an_id_can_be_changed(place: int) -> None:
    """Every bit counts, the spare ones of the last character too."""
    other = "A" if DEVICE[place] != "A" else "B"

    assert not DEVICE_IDS.is_certified(HERE, DEVICE[:place] + other + DEVICE[place + 1 :])


@given(st.text(max_size=60) | st.text(alphabet="ABCabc_-=+/\ud800", min_size=51, max_size=51))
def test_whatever_else_a_client_sends_is_not_certified(text: str) -> None:
    """And nothing raises."""
    assert not DEVICE_IDS.is_certified(HERE, text)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.binary(min_size=16, max_size=16),
)
@example(datetime(1970, 1, 1, 0, 0, 1, 1000, tzinfo=UTC), bytes(16))  # 1.001 * 1000 < 1001
def test_the_anonymous_visitor_is_always_the_same_uuid7_of_the_same_millisecond(
    now: datetime, randomness: bytes
) -> None:
    """The visitor's id has the device's time and none of its random bytes."""
    device = DEVICE_IDS.issue(HERE, now, randomness)

    visitor = uuid.UUID(anonymous_visitor(device))

    assert visitor == uuid.UUID(anonymous_visitor(DeviceId(str(device))))
    assert visitor.version == 7
    assert visitor.variant == uuid.RFC_4122
    assert visitor.int >> 80 == (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


def test_two_devices_are_two_visitors() -> None:
    """Also within one millisecond."""
    other = DEVICE_IDS.issue(HERE, NOW, bytes(16))

    assert anonymous_visitor(other) != anonymous_visitor(DEVICE)


def test_too_little_randomness_is_a_mistake_of_ours() -> None:
    """A caller that passes too few bytes, or no key, hears of it at once."""
    with pytest.raises(ValueError, match="16 random bytes"):
        DEVICE_IDS.issue(HERE, NOW, b"short")
    with pytest.raises(ValueError, match="at least one key"):
        DeviceIds(())
