import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.integration.sockets.processes import IMPATIENCE_SECONDS, EchoProcess, echo_process
from tests.integration.sockets.raw_peer import BINARY, CLOSE, FIN, PING, RawPeer, frame

REVOKED = (4401, {"code": "secret_revoked", "retry_after_ms": 100})
INTERNAL_ERROR = (1011, {"code": "internal_error"})


@contextmanager
def open_peers(app: EchoProcess, count: int) -> Iterator[list[RawPeer]]:
    """That many sockets, all at once."""
    with ExitStack() as stack:
        yield [stack.enter_context(app.peer()).upgrade() for _ in range(count)]


def closing(code: int, reason: bytes = b"") -> bytes:
    """A client's close frame."""
    return frame(code.to_bytes(2, "big") + reason, CLOSE)


def test_a_client_of_another_make_learns_why_it_was_closed(app: EchoProcess) -> None:
    """Code and reason, in a clean end."""
    with connect(
        f"{app.url}?project=p1",
        subprotocols=["widget-auth.v1"],  # type: ignore[list-item]
        proxy=None,
    ) as socket:
        socket.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert closed.value.rcvd.reason == '{"code":"secret_revoked","retry_after_ms":100}'
    assert closed.value.rcvd_then_sent


def test_a_client_of_another_make_learns_of_its_fault(app: EchoProcess) -> None:
    """Also where its answer cannot be read any more."""
    with connect(
        f"{app.url}?project=p1",
        subprotocols=["widget-auth.v1"],  # type: ignore[list-item]
        proxy=None,
    ) as socket:
        socket.send(b"binary")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400


def test_after_our_close_nothing_is_delivered_and_nothing_sent(app: EchoProcess) -> None:
    """Whatever the peer still says, and whatever the listener still wants to."""
    with app.peer() as peer:
        peer.upgrade().send(frame(b"close") + frame(b"too late") + frame(b"too late", PING))
        verdict = peer.close_frame()
        peer.send(frame(b"much too late") + closing(4401))
        ended = peer.is_ended()

    assert verdict == REVOKED
    assert ended
    assert not {"too late", "much too late"} & app.state()["received"].keys()


def test_the_peer_has_some_time_to_answer_our_close(impatient_app: EchoProcess) -> None:
    """Until then the connection stays, after that it is cut."""
    impatient_app.wait_for(lambda state: state["live"] == 0)
    with impatient_app.socket() as peer:
        begun = time.monotonic()
        peer.send(frame(b"close"))
        assert peer.close_frame() == REVOKED
        with pytest.raises((ConnectionResetError, EOFError)):
            peer.frame()
        waited = time.monotonic() - begun

    assert waited >= IMPATIENCE_SECONDS * 0.8
    impatient_app.wait_for(lambda state: state["live"] == 0)


def test_garbage_after_our_close_still_ends_well(app: EchoProcess) -> None:
    """One close frame, no second one."""
    with app.peer() as peer:
        peer.upgrade().send(frame(b"close"))
        peer.close_frame()
        peer.send(b"\xff" * 1_000)
        assert peer.is_ended()


def test_a_thousand_sockets_are_closed_at_once(own_app: EchoProcess) -> None:
    """Each with its code, each told to its listener once."""
    with open_peers(own_app, 1_000) as peers:
        own_app.wait_for(lambda state: state["live"] == 1_000)
        own_app.get("/close")
        verdicts = [peer.close_frame() for peer in peers]
        for peer in peers:
            peer.send(closing(4401))
        ended = [peer.is_ended() for peer in peers]

    state = own_app.wait_for(lambda state: state["live"] == 0)
    assert verdicts == [REVOKED] * 1_000
    assert all(ended)
    assert state["endings"] == {"closed_here": 1_000}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (closing(1000, b"bye"), (1000).to_bytes(2, "big")),
        (closing(4999), (4999).to_bytes(2, "big")),
        (frame(b"", CLOSE), b""),
    ],
)
def test_the_peers_close_is_answered(app: EchoProcess, said: bytes, answer: bytes) -> None:
    """With its own code, and with the end of the connection."""
    with app.peer() as peer:
        peer.upgrade().send(said + frame(b"after the end"))
        assert peer.frame() == (FIN | CLOSE, answer)
        assert peer.is_ended()

    assert "after the end" not in app.state()["received"]


@pytest.mark.parametrize("reset", [False, True])
def test_a_peer_may_vanish(app: EchoProcess, *, reset: bool) -> None:
    """With or without TCP's own goodbye, in the midst of a message."""
    before = app.wait_for(lambda state: state["live"] == 0)
    with app.peer() as peer:
        peer.upgrade().send(frame(b"half a message")[:9])
        app.wait_for(lambda state: state["live"] == 1)
        if reset:
            peer.reset()
    after = app.wait_for(lambda state: state["live"] == 0)

    assert after["endings"]["lost"] == before["endings"].get("lost", 0) + 1


def test_a_listener_that_raises_loses_its_own_socket_only(app: EchoProcess) -> None:
    """The others go on, and the log has the failure without the message."""
    with app.peer() as other, app.peer() as peer:
        other.upgrade()
        peer.upgrade().send(frame(b"boom") + frame(b"after the boom"))
        verdict = peer.close_frame()
        peer.send(closing(1011))
        ended = peer.is_ended()
        other.send(frame(b"still here"))
        assert other.text() == b"still here"

    log = app.log.read_text()
    assert verdict == INTERNAL_ERROR
    assert ended
    assert "after the boom" not in app.state()["received"]
    assert "socket_callback_failed" in log
    assert "ValueError" in log
    assert "echo_app.py" in log
    assert "a secret" not in log


def test_a_socket_without_a_listener_is_closed(app: EchoProcess) -> None:
    """Making it raised."""
    with app.peer() as peer:
        assert peer.upgrade("breaks").close_frame() == INTERNAL_ERROR
        peer.send(closing(1011))
        assert peer.is_ended()


def test_a_listener_may_fail_to_mourn(app: EchoProcess) -> None:
    """Nothing is held for it afterwards."""
    app.wait_for(lambda state: state["live"] == 0)
    with app.peer() as peer:
        peer.upgrade("mourns")
        app.wait_for(lambda state: state["live"] == 1)

    app.wait_for(lambda state: state["live"] == 0 and state["connections"] == 1)


def test_a_peer_that_leaves_too_much_waiting_is_cut_off(app: EchoProcess) -> None:
    """Memory for one socket is bounded."""
    before = app.state()["endings"].get("takes_too_little", 0)
    with app.peer(receive_buffer=4096) as peer:
        peer.upgrade().send(frame(b"flood 2000"))
        state = app.wait_for(
            lambda state: state["endings"].get("takes_too_little", 0) == before + 1
        )
        received = len(peer.rest())

    assert state["live"] == 0
    assert received < 2_000 * 10_000


def test_a_peer_that_only_pings_is_cut_off_too(tmp_path: Path) -> None:
    """Pongs wait like everything else."""
    with echo_process(tmp_path, "--frames", "1000000") as app:
        with app.peer(receive_buffer=4096) as peer:
            peer.upgrade()
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                peer.send(frame(b"p" * 125, PING) * 200_000)

        app.wait_for(lambda state: state["endings"] == {"takes_too_little": 1})


def test_a_peer_that_takes_nothing_for_long_is_cut_off(impatient_app: EchoProcess) -> None:
    """Though not much is waiting for it."""
    before = impatient_app.state()["endings"].get("takes_nothing", 0)
    with impatient_app.socket(receive_buffer=4096) as peer:
        peer.send(frame(b"fill"))
        state = impatient_app.wait_for(
            lambda state: state["endings"].get("takes_nothing", 0) == before + 1
        )

    assert state["live"] == 0


def test_a_peer_that_catches_up_in_time_stays(app: EchoProcess) -> None:
    """A slow moment is no fault."""
    with app.peer(receive_buffer=4096) as peer:
        peer.upgrade().send(frame(b"fill"))
        app.wait_for(lambda state: state["awaited"] == 1)
        peer.send(frame(b"done"))
        while peer.text() != b"done":
            pass
        state = app.wait_for(lambda state: state["awaited"] == 0)
        assert state["live"] == 1


def test_a_closed_peer_that_takes_nothing_is_cut_off(impatient_app: EchoProcess) -> None:
    """Its close waits behind what it does not take, but not for ever."""
    impatient_app.wait_for(lambda state: state["live"] == 0)
    with impatient_app.socket(receive_buffer=4096) as peer:
        impatient_app.wait_for(lambda state: state["live"] == 1)
        peer.send(frame(b"fill") + closing(1000))
        state = impatient_app.wait_for(lambda state: state["live"] == 0)

    assert state["awaited"] == 0


def test_a_stopping_process_tells_every_socket_when_to_come_back(own_app: EchoProcess) -> None:
    """1012, not everyone at once; then it ends."""
    with open_peers(own_app, 20) as peers:
        own_app.wait_for(lambda state: state["live"] == 20)
        own_app.process.send_signal(signal.SIGTERM)
        verdicts = [peer.close_frame() for peer in peers]
        for peer in peers:
            peer.send(closing(1012))
        ended = [peer.is_ended() for peer in peers]
        state = own_app.farewell()

    waits = {reason["retry_after_ms"] for _, reason in verdicts}
    assert [code for code, _ in verdicts] == [1012] * 20
    assert {reason["code"] for _, reason in verdicts} == {"restarting"}
    assert len(waits) > 1
    assert all(500 <= wait <= 10_000 for wait in waits)
    assert all(ended)
    assert (state["live"], state["endings"]) == (0, {"restarting": 20})
    assert own_app.process.returncode == -signal.SIGTERM


def test_a_stopping_process_waits_for_no_silent_peer(tmp_path: Path) -> None:
    """Those who do not answer are cut, and those who are being cut already: all by its end.

    Otherwise uvicorn would lose its own patience, and end with some of them.
    """
    patience = ("--patience", str(IMPATIENCE_SECONDS))
    with echo_process(tmp_path, *patience) as app, ExitStack() as stack:
        peers = [stack.enter_context(app.socket()) for _ in range(3)]
        peers[0].send(frame(b"close"))
        peers[1].send(frame(b"x", BINARY))
        assert [peer.close_frame()[0] for peer in peers[:2]] == [4401, 4400]
        state = app.stop()

    assert state["live"] == 0
    assert state["endings"] == {"closed_here": 1, "protocol_error": 1, "restarting": 1}


def test_a_stopping_process_finishes_its_answers(own_app: EchoProcess) -> None:
    """HTTP ends as ordinary HTTP does."""
    with own_app.peer() as peer:
        peer.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        own_app.wait_for(lambda state: state["connections"] == 2)
        own_app.process.send_signal(signal.SIGTERM)
        assert peer.response().status == 200

    own_app.farewell()


def test_what_has_ended_leaves_nothing_behind(own_app: EchoProcess) -> None:
    """However it ended, and without the help of the garbage collector (it is off there)."""
    empty = own_app.state()
    ways = [
        frame(b"close"),
        frame(b"boom"),
        frame(b"x", BINARY),
        frame(b"x" * 16_000) + closing(1000),
        frame(b"\xff", 0),
        b"",
    ]
    for way in ways * 5:
        with own_app.peer() as peer:
            peer.upgrade().send(way)
        with own_app.peer() as peer:
            peer.send(b"GET /state HTTP/1.1\r\nhost: a\r\n\r\n")
            peer.response()
        with own_app.peer() as peer:
            peer.send(b"GARBAGE\r\n\r\n")
            peer.response()

    def as_before(state: dict[str, object]) -> bool:
        return all(
            state[key] == empty[key] for key in ("live", "connections", "awaited", "objects")
        )

    assert own_app.wait_for(as_before)["opened"] == len(ways) * 5


def test_the_sockets_run_on_asyncios_own_loop_too(tmp_path: Path) -> None:
    """Where there is no uvloop."""
    with echo_process(tmp_path, "--loop", "asyncio") as app, open_peers(app, 4) as peers:
        peers[0].send(frame(b"hello"))
        peers[1].send(frame(b"x", BINARY))
        peers[2].send(frame(b"close"))
        peers[3].send(closing(1000))
        assert peers[0].text() == b"hello"
        assert peers[1].close_frame()[0] == 4400
        assert peers[1].is_ended()
        peers[1].socket.close()
        assert peers[2].close_frame() == REVOKED
        peers[2].send(closing(4401))
        assert peers[2].is_ended()
        assert peers[3].frame() == (FIN | CLOSE, (1000).to_bytes(2, "big"))
        assert peers[3].is_ended()
        app.process.send_signal(signal.SIGTERM)
        assert peers[0].close_frame()[0] == 1012
        peers[0].send(closing(1012))
        assert app.farewell()["live"] == 0
