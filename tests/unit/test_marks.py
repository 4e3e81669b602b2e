"""The checkmark: its states, and which end of a proof counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import KeyId
from domain.marks import Mark, MarkState, Proof, mark_of

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROOF = Proof(NOON, KeyId("a key"), None, None, 12 * HOUR)


def test_who_has_proved_nothing_has_no_mark() -> None:
    """An anonymous visitor's mark says nothing else."""
    assert mark_of(None, NOON) == Mark(MarkState.ANONYMOUS)
    assert not mark_of(None, NOON).is_grey


def test_a_proof_that_stands_tells_since_when_by_which_key_and_how_long() -> None:
    """It is verified until the last moment."""
    mark = mark_of(PROOF, NOON + 12 * HOUR - timedelta(microseconds=1))
    assert mark == Mark(MarkState.VERIFIED, NOON, KeyId("a key"), NOON + 12 * HOUR)
    assert not mark.is_grey


@pytest.mark.parametrize(
    ("changes", "state", "until"),
    [
        ({}, MarkState.EXPIRED, NOON + 12 * HOUR),
        ({"key_revoked_at": NOON + HOUR}, MarkState.KEY_REVOKED, NOON + HOUR),
        ({"signed_out_at": NOON + HOUR}, MarkState.SIGNED_OUT, NOON + HOUR),
        ({"signed_out_at": NOON}, MarkState.SIGNED_OUT, NOON),
        ({"left_at": NOON + HOUR}, MarkState.LEFT, NOON + HOUR),
    ],
)
def test_a_proof_that_ended_is_grey_and_says_why(
    changes: dict[str, datetime], state: MarkState, until: datetime
) -> None:
    """Expired, its key revoked, or the person signed out, by an operator or by themselves."""
    mark = mark_of(replace(PROOF, **changes), NOON + 12 * HOUR)
    assert mark == Mark(state, NOON, KeyId("a key"), until)
    assert mark.is_grey


def test_the_first_end_counts() -> None:
    """A secret revoked after the proof had expired did not end it; nor an earlier sign-out."""
    late = replace(PROOF, key_revoked_at=NOON + 13 * HOUR, signed_out_at=NOON - HOUR)
    assert mark_of(late, NOON + 14 * HOUR).state is MarkState.EXPIRED


def test_a_later_sign_in_is_not_ended_by_an_earlier_sign_out() -> None:
    """Who signed in after being signed out is verified again."""
    again = replace(PROOF, signed_out_at=NOON - HOUR, left_at=NOON - HOUR)
    assert mark_of(again, NOON + HOUR).state is MarkState.VERIFIED
