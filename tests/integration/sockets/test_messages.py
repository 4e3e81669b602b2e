import json

import pytest

from tests.integration.sockets.processes import EchoProcess
from tests.integration.sockets.raw_peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    frame,
)

LIMIT = 16 * 1024
FRAMES_PER_MINUTE = 6_000

PROTOCOL_ERROR = (4400, {"code": "protocol_error"})
NOT_UTF8 = (1007, {"code": "not_utf8"})
TOO_LARGE = (1009, {"code": "too_large"})


@pytest.mark.parametrize(
    "message", [b"", b"x", b"x" * 125, b"x" * 126, b"x" * LIMIT, "þ€𐍈".encode() * 1000]
)
def test_a_message_comes_whole(app: EchoProcess, message: bytes) -> None:
    """Of every size up to the limit, there and back."""
    with app.peer() as peer:
        peer.upgrade().send(frame(message))
        assert peer.text() == message


def test_a_message_may_come_in_fragments(app: EchoProcess) -> None:
    """Cut within a character, with control frames between, up to the limit."""
    message = "€".encode() * 5_000 + b"x" * (LIMIT - 15_000)
    with app.peer() as peer:
        peer.upgrade().send(frame(message[:100], TEXT, 0))
        peer.send(frame(b"still there?", PING))
        peer.send(frame(b"", CONTINUATION, 0) + frame(message[100:9_000], CONTINUATION, 0))
        peer.send(frame(b"unasked", PONG))
        peer.send(frame(message[9_000:], CONTINUATION))
        pong = peer.frame()
        assert peer.text() == message

    assert pong == (FIN | PONG, b"still there?")


def test_a_message_may_come_byte_by_byte(app: EchoProcess) -> None:
    """Segments are not frames."""
    with app.peer() as peer:
        peer.upgrade()
        for byte in frame(b"slowly", TEXT, 0) + frame(b" but surely", CONTINUATION):
            peer.send(bytes([byte]))
        assert peer.text() == b"slowly but surely"


def test_many_messages_may_come_at_once(app: EchoProcess) -> None:
    """All of them, in their order."""
    messages = [b"%d" % number for number in range(2_000)]
    with app.peer() as peer:
        peer.upgrade().send(b"".join(map(frame, messages)))
        assert [peer.text() for _ in messages] == messages


def test_a_ping_is_answered_with_its_payload(app: EchoProcess) -> None:
    """Up to what a control frame holds."""
    with app.peer() as peer:
        peer.upgrade().send(frame(b"", PING) + frame(b"p" * 125, PING))
        assert [peer.frame(), peer.frame()] == [(FIN | PONG, b""), (FIN | PONG, b"p" * 125)]


@pytest.mark.parametrize(
    "kind",
    [
        frame(b"", PING),
        frame(b"", PONG),
        frame(b"", CONTINUATION, 0),
        frame(b"x"),
    ],
)
def test_frames_of_every_kind_are_bounded(app: EchoProcess, kind: bytes) -> None:
    """Those that bring no message cost as much as those that do."""
    with app.peer() as peer:
        peer.upgrade().send(frame(b"", TEXT, 0) if kind == frame(b"", CONTINUATION, 0) else b"")
        peer.send(kind * (FRAMES_PER_MINUTE + 1))
        while (answer := peer.frame()).first_byte != FIN | CLOSE:
            assert answer.payload in {b"", b"x"}
        reason = json.loads(answer.payload[2:])

    assert int.from_bytes(answer.payload[:2], "big") == 4429
    assert reason["code"] == "too_many_requests"
    assert reason["retry_after_ms"] >= 10_000


def test_as_many_frames_as_may_come_are_read(app: EchoProcess) -> None:
    """The last of them too."""
    with app.peer() as peer:
        peer.upgrade().send(frame(b"", PONG) * (FRAMES_PER_MINUTE - 1) + frame(b"the last"))

        assert peer.text() == b"the last"


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (PROTOCOL_ERROR, frame(b"x", TEXT, FIN | RSV1)),
        (PROTOCOL_ERROR, frame(b"x", TEXT, FIN | RSV2)),
        (PROTOCOL_ERROR, frame(b"x", TEXT, FIN | RSV3)),
        (PROTOCOL_ERROR, frame(b"x", PING, FIN | RSV1)),
        (PROTOCOL_ERROR, frame(b"x", BINARY)),
        (PROTOCOL_ERROR, frame(b"x", CONTINUATION)),
        (PROTOCOL_ERROR, frame(b"x", CONTINUATION, 0)),
        (PROTOCOL_ERROR, frame(b"x", TEXT, 0) + frame(b"y", TEXT)),
        (PROTOCOL_ERROR, frame(b"x", TEXT, 0) + frame(b"y", BINARY)),
        (PROTOCOL_ERROR, b"\x81\x05hello"),
        (PROTOCOL_ERROR, frame(b"x", 3)),
        (PROTOCOL_ERROR, frame(b"x", 11)),
        (PROTOCOL_ERROR, frame(b"x", PING, 0)),
        (PROTOCOL_ERROR, frame(b"x" * 126, PING)),
        (PROTOCOL_ERROR, frame(b"x" * 126, CLOSE)),
        (PROTOCOL_ERROR, b"\x81\xfe\x00\x05" + b"\0\0\0\0hello"),
        (PROTOCOL_ERROR, b"\x81\xff" + (5).to_bytes(8, "big") + b"\0\0\0\0hello"),
        (PROTOCOL_ERROR, b"\x81\xff" + (1 << 63).to_bytes(8, "big") + b"\0\0\0\0hello"),
        (PROTOCOL_ERROR, frame(b"\x03", CLOSE)),
        (PROTOCOL_ERROR, frame((0).to_bytes(2, "big"), CLOSE)),
        (PROTOCOL_ERROR, frame((999).to_bytes(2, "big"), CLOSE)),
        (PROTOCOL_ERROR, frame((1005).to_bytes(2, "big"), CLOSE)),
        (PROTOCOL_ERROR, frame((1006).to_bytes(2, "big"), CLOSE)),
        (PROTOCOL_ERROR, frame((5000).to_bytes(2, "big"), CLOSE)),
        (NOT_UTF8, frame(b"\x03\xe8\xff", CLOSE)),
        (NOT_UTF8, frame(b"\xff")),
        (NOT_UTF8, frame(b"\xed\xa0\x80")),
        (NOT_UTF8, frame(b"\xc0\x80")),
        (NOT_UTF8, frame(b"\xe2\x82", TEXT, 0) + frame(b"", CONTINUATION)),
        (TOO_LARGE, frame(b"x" * (LIMIT + 1))),
        (TOO_LARGE, frame(b"x" * (LIMIT + 1))[:8]),
        (TOO_LARGE, frame(b"x" * 100_000)),
        (TOO_LARGE, frame(b"x" * LIMIT, TEXT, 0) + frame(b"x", CONTINUATION)),
    ],
)
def test_what_breaks_the_protocol_ends_the_socket_with_its_code(
    app: EchoProcess, verdict: tuple[int, dict[str, str]], said: bytes
) -> None:
    """A close frame with a JSON reason, then the end; nothing was delivered."""
    before = app.wait_for(lambda state: state["live"] == 0)
    with app.peer() as peer:
        peer.upgrade().send(said)
        assert peer.close_frame() == verdict
        assert peer.is_ended()
    after = app.wait_for(lambda state: state["live"] == 0)

    word = verdict[1]["code"]
    assert after["endings"][word] == before["endings"].get(word, 0) + 1
    assert after["received"] == before["received"]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(TOO_LARGE, frame(b"x" * 3_000_000)), (PROTOCOL_ERROR, b"\xff" * 3_000_000)],
)
def test_the_code_reaches_a_client_that_goes_on_sending(
    app: EchoProcess, verdict: tuple[int, dict[str, str]], said: bytes
) -> None:
    """Unread input resets no connection before the client has read why."""
    with app.peer() as peer:
        peer.upgrade().send(said)
        assert peer.close_frame() == verdict
        assert peer.is_ended()


def test_messages_before_a_fault_are_delivered(app: EchoProcess) -> None:
    """What came in a segment of its own was good."""
    with app.peer() as peer:
        peer.upgrade().send(frame(b"good"))
        good = peer.text()
        peer.send(frame(b"bad", BINARY) + frame(b"after"))
        assert peer.close_frame() == PROTOCOL_ERROR

    assert good == b"good"
    assert "after" not in app.state()["received"]
