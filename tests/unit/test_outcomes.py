"""Outcomes on the wire: what was written is read again, and nothing else."""

from datetime import UTC, datetime

import pytest

from domain.ids import DeviceId, KeyId, MessageId, RequestId, SessionId, VisitorId
from domain.outcomes import (
    DeviceEnded,
    Outcome,
    RefusedRequest,
    Sent,
    SignedIn,
    SignedOut,
    outcome_from_wire,
    outcome_to_wire,
)

REQUEST, SESSION = RequestId("r"), SessionId("s")
SIGNED_IN = SignedIn(
    request_id=REQUEST,
    session_id=SESSION,
    device_id=DeviceId("new"),
    ended_device_id=DeviceId("old"),
    visitor_id=VisitorId("v"),
    custom_id="ada",
    name="Ada",
    email=None,
    key_id=KeyId("k"),
    generation=3,
    person_epoch=0,
    merged=(VisitorId("w"),),
    expires_at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
)
OUTCOMES: list[Outcome] = [
    SIGNED_IN,
    RefusedRequest(REQUEST, None, "key_revoked", "Ask for a fresh token."),
    RefusedRequest(REQUEST, SESSION, "unavailable", "Try again.", 700),
    SignedOut(REQUEST, SESSION, DeviceId("new"), None, VisitorId("v")),
    Sent(REQUEST, SESSION, MessageId("m")),
    DeviceEnded(REQUEST, SESSION, DeviceId("old")),
]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_is_read_as_it_was_written(outcome: Outcome) -> None:
    """Of every kind."""
    assert outcome_from_wire(outcome_to_wire(outcome)) == outcome


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "signed"),
        ("request_id", None),
        ("session_id", 7),
        ("ended_device_id", 7),
        ("ended_device_id", ["old"]),
        ("visitor_id", None),
        ("generation", True),
        ("generation", 1.0),
        ("generation", "3"),
        ("person_epoch", None),
        ("merged", None),
        ("expires_at", "soon"),
        ("expires_at", "2026-11-22T09:00:00"),
        ("unheard_of", 1),
    ],
)
def test_a_malformed_outcome_is_none(name: str, value: object) -> None:
    """Whichever field it is; nobody has to look at it again."""
    wire = outcome_to_wire(SIGNED_IN) | {name: value}  # type: ignore[dict-item]

    with pytest.raises((KeyError, TypeError, ValueError)):
        outcome_from_wire(wire)


def test_an_outcome_that_lacks_a_field_is_none() -> None:
    """Each of them is needed."""
    wire = outcome_to_wire(SIGNED_IN)
    del wire["generation"]

    with pytest.raises((KeyError, TypeError, ValueError)):
        outcome_from_wire(wire)
