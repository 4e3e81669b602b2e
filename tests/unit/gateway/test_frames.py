"""What a widget says, well or badly, and what the gateway answers."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.ids import DeviceId, KeyId, RequestId, SessionId, VisitorId
from domain.outcomes import SignedIn
from gateway import answers
from gateway.frames import (
    FrameInvalid,
    Hello,
    Message,
    Ping,
    ProtocolBroken,
    SignIn,
    SignOut,
    parse_frame,
)

WHEN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (b'{"type":"hello"}', Hello(None)),
        (b'{"type":"hello","device":null}', Hello(None)),
        (b'{"type":"hello","device":"d1"}', Hello("d1")),
        (b'{"type":"sign_in","id":"1","token":"JWT eyJ"}', SignIn("1", "JWT eyJ")),
        (b'{"type":"sign_out","id":"2"}', SignOut("2")),
        (b'{"type":"message","id":"3","text":"hi"}', Message("3", "hi")),
        (b'{"type":"ping"}', Ping()),
        (b' {"later":[1],"type":"ping"} ', Ping()),
    ],
)
def test_frames_of_the_contract_are_understood(text: bytes, frame: object) -> None:
    """Each by its type; fields we do not know are passed over."""
    assert parse_frame(text) == frame


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"{",
        b"[]",
        b'"ping"',
        b"null",
        b"{}",
        b'{"type":null}',
        b'{"type":["ping"]}',
        b'{"type":"PING"}',
        b'{"type":"welcome"}',
        b'{"type":"ping"}{"type":"ping"}',
        b'{"type":"ping","id":NaN}',
        b"[" * 16_000,
        b'{"type":' * 1_500,
        b'{"type":"sign_out","id":"\\ud800"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_frame_breaks_the_protocol(text: bytes) -> None:
    """Not JSON, not one object, or of no type we know."""
    with pytest.raises(ProtocolBroken):
        parse_frame(text)


@pytest.mark.parametrize(
    ("text", "frame_id"),
    [
        ('{"type":"hello","device":7}', None),
        ('{"type":"sign_in","token":"x"}', None),
        ('{"type":"sign_in","id":7,"token":"x"}', None),
        ('{"type":"sign_in","id":"","token":"x"}', None),
        ('{"type":"sign_in","id":"%s","token":"x"}' % ("i" * 129), None),
        ('{"type":"sign_in","id":"a"}', "a"),
        ('{"type":"sign_in","id":"a","token":null}', "a"),
        ('{"type":"sign_in","id":"a","token":["x"]}', "a"),
        ('{"type":"sign_in","id":"a","token":""}', "a"),
        ('{"type":"sign_out"}', None),
        ('{"type":"message","id":"m","text":""}', "m"),
        ('{"type":"message","id":"m","text":"%s"}' % ("x" * 4_001), "m"),
    ],
)
def test_a_bad_field_is_told_with_the_frames_id(text: str, frame_id: str | None) -> None:
    """The id is echoed where it is usable itself; the socket stays."""
    with pytest.raises(FrameInvalid) as caught:
        parse_frame(text.encode())

    assert caught.value.frame_id == frame_id
    assert caught.value.message


def test_the_longest_id_and_text_are_taken() -> None:
    """The bounds are inclusive, in characters."""
    longest = json.dumps({"type": "message", "id": "ï" * 128, "text": "ï" * 4_000})

    assert parse_frame(longest.encode()) == Message("ï" * 128, "ï" * 4_000)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_nothing_a_client_sends_raises_anything_else(text: bytes) -> None:
    """Whatever the bytes, the end is a frame or one of the two refusals."""
    with suppress(ProtocolBroken, FrameInvalid):
        parse_frame(text)


@given(
    st.sampled_from(["hello", "sign_in", "sign_out", "message", "ping"]),
    st.dictionaries(st.sampled_from(["id", "token", "device", "text", "x"]), json_values),
)
def test_any_fields_of_a_known_frame_are_taken_or_refused(
    kind: str, fields: dict[str, object]
) -> None:
    """A known type is never a breach of the protocol."""
    with suppress(FrameInvalid):
        parse_frame(json.dumps({**fields, "type": kind}).encode())


def test_tokens_and_words_are_in_no_representation() -> None:
    """A frame in a log line or a traceback shows neither."""
    assert "eyJ" not in repr(SignIn("1", "eyJ.a.b"))
    assert "hello" not in repr(Message("1", "hello"))


def test_answers_are_those_of_the_contract() -> None:
    """Every field by name, times with a Z, absent fields left out."""
    session, device, visitor = SessionId("s"), DeviceId("d"), VisitorId("v")
    outcome = SignedIn(
        request_id=RequestId("wire"),
        session_id=session,
        device_id=device,
        ended_device_id=DeviceId("old"),
        visitor_id=visitor,
        custom_id="ada",
        name=None,
        email="ada@example.com",
        key_id=KeyId("k"),
        generation=1,
        person_epoch=0,
        merged=(VisitorId("gone"),),
        expires_at=WHEN,
    )

    assert json.loads(answers.welcome(session, device, visitor)) == {
        "type": "welcome",
        "session": "s",
        "device": "d",
        "visitor": {"id": "v", "authenticated": False},
        "heartbeat_seconds": 30,
    }
    assert json.loads(answers.signed_in("1", device, outcome)) == {
        "type": "signed_in",
        "id": "1",
        "device": "d",
        "visitor": {
            "id": "v",
            "custom_id": "ada",
            "name": None,
            "email": "ada@example.com",
            "authenticated": True,
        },
        "key_id": "k",
        "merged": ["gone"],
        "expires_at": "2026-11-22T09:00:00.000Z",
    }
    assert json.loads(answers.refused("1", "key_unknown", "No.")) == {
        "type": "refused",
        "id": "1",
        "code": "key_unknown",
        "message": "No.",
    }
    assert json.loads(answers.refused("1", "unavailable", "No.", 250))["retry_after_ms"] == 250
    assert json.loads(answers.signed_out("1", device, visitor)) == {
        "type": "signed_out",
        "id": "1",
        "device": "d",
        "visitor": {"id": "v", "authenticated": False},
    }
    assert json.loads(answers.reauthenticate("proof_expiring", WHEN)) == {
        "type": "reauthenticate",
        "reason": "proof_expiring",
        "deadline": "2026-11-22T09:00:00.000Z",
    }
    assert json.loads(answers.proof_ended(visitor)) == {
        "type": "visitor",
        "visitor": {"id": "v", "authenticated": False},
    }
    assert json.loads(answers.error(None, "c", "m")) == {
        "type": "error",
        "code": "c",
        "message": "m",
    }
    assert json.loads(answers.error("1", "c", "m"))["id"] == "1"
    assert json.loads(answers.PONG) == {"type": "pong"}
