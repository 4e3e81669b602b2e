"""A custom ID identifies one person, in one spelling."""

import unicodedata

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.custom_ids import CustomIdInvalid, normalise_custom_id
from domain.plain_text import find_line_fault


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada", "ada"),
        ("Ada", "Ada"),
        (" ada ", " ada "),
        ("ada@example.com", "ada@example.com"),
        ("5e5f4e220b28440012117be4_12345678", "5e5f4e220b28440012117be4_12345678"),
        ("e\u0301", "\u00e9"),
        ("x" * 255, "x" * 255),
        ("e\u0301" * 255, "\u00e9" * 255),
        (42, "42"),
        (-7, "-7"),
        (2**53 - 1, "9007199254740991"),
        ("admin", "admin"),
        ("\u0639\u0644\u064a", "\u0639\u0644\u064a"),
    ],
)
def test_an_id_is_kept_as_the_site_wrote_it_but_composed(value: str | int, expected: str) -> None:
    """Case and white space count; only the spelling of accents and of integers is made one."""
    assert normalise_custom_id(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "\u3000\u00a0", "x" * 256, "\u0958" * 128),
        *(2**53, -(2**53), True, False, 0, -1),
        *("null", "NULL", " undefined ", "None", "NaN", "0", "-1", "false", "guest", "Anonymous"),
        *("[object Object]", "00000000-0000-0000-0000-000000000000", "user_id", "userexternal"),
        *("{{ user.id }}", "${user.id}", "<%= user.id %>"),
        *("a\x00b", "a\nb", "a\tb", "a\x7f", "a\x85b", "a\u2028b", "\ud83d", "a\udc00"),
        *("a\u202eb", "a\u2066b\u2069", "M\ufffdller"),
    ],
)
def test_an_id_that_cannot_be_one_persons_is_refused(value: str | int) -> None:
    """Junk, fragments and forgeries would make one person of many."""
    with pytest.raises(CustomIdInvalid):
        normalise_custom_id(value)


def test_a_truth_value_is_no_integer() -> None:
    """Python counts True among them, JSON does not."""
    with pytest.raises(CustomIdInvalid, match="true or false"):
        normalise_custom_id(True)  # noqa: FBT003 - what JSON may hold


@given(st.text(max_size=300) | st.integers())
def test_normalising_is_refused_or_done_once_and_for_all(value: str | int) -> None:
    """What comes out is within the bounds and stays as it is when normalised again."""
    try:
        text = normalise_custom_id(value)
    except CustomIdInvalid:
        return

    assert 1 <= len(text) <= 255
    assert unicodedata.is_normalized("NFC", text)
    assert find_line_fault(text) is None
    assert normalise_custom_id(text) == text
