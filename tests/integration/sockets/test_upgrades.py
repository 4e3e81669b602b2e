import json
import time

import pytest
from websockets.sync.client import connect

from tests.integration.sockets.processes import EchoProcess
from tests.integration.sockets.raw_peer import KEY, frame, upgrade_request

SUBPROTOCOL = "widget-auth.v1"


def test_a_client_of_another_make_talks_to_the_gateway(app: EchoProcess) -> None:
    """The handshake, our sub-protocol, a message there and back, and a clean end."""
    with connect(
        f"{app.url}?project=p1",
        subprotocols=["other.v7", SUBPROTOCOL],  # type: ignore[list-item]
        origin="https://shop.example",  # type: ignore[arg-type]
        compression="deflate",
        proxy=None,
    ) as socket:
        socket.send("grüß dich 👋")
        answer = socket.recv()
        chosen, extensions = socket.subprotocol, socket.protocol.extensions

    assert answer == "grüß dich 👋"
    assert chosen == SUBPROTOCOL
    assert extensions == []
    assert socket.close_code == 1000


def test_the_answer_to_an_upgrade_is_whole(app: EchoProcess) -> None:
    """The accept key of RFC 6455's own example, and no extension whatever was offered."""
    with app.peer() as peer:
        peer.send(upgrade_request(sec_websocket_extensions="permessage-deflate"))
        response = peer.response()

    assert response.status == 101
    assert response.headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "sec-websocket-protocol": SUBPROTOCOL,
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"connection": "keep-alive, Upgrade"},
        {"connection": "upgrade\r\nconnection: keep-alive"},
        {"upgrade": "WebSocket"},
        {"sec_websocket_protocol": f"other.v7, {SUBPROTOCOL}"},
        {"sec_websocket_protocol": f"other.v7\r\nsec-websocket-protocol: {SUBPROTOCOL}"},
        {"origin": "https://shop.example"},
        {"content_length": "0"},
    ],
)
def test_a_request_may_say_the_same_in_other_words(
    app: EchoProcess, headers: dict[str, str]
) -> None:
    """Lists, repetitions and cases that RFC 9110 allows are understood."""
    with app.peer() as peer:
        peer.upgrade(**headers).send(frame(b"hello"))
        assert peer.text() == b"hello"


@pytest.mark.parametrize(
    ("status", "code", "request_head"),
    [
        (404, "not_found", upgrade_request("/")),
        (404, "not_found", upgrade_request("/v1/socket/?project=p1")),
        (404, "not_found", upgrade_request("/state?project=p1")),
        (400, "bad_request", upgrade_request("/v1/socket")),
        (400, "bad_request", upgrade_request("/v1/socket?project=")),
        (400, "bad_request", upgrade_request("/v1/socket?project=a&project=b")),
        (400, "bad_request", upgrade_request("/v1/socket?project=%7Ba%7D")),
        (400, "bad_request", upgrade_request("/v1/socket?project=" + "a" * 65)),
        (400, "bad_request", upgrade_request("/v1/socket?project=p1" + "&x=1" * 50)),
        (400, "bad_request", upgrade_request(method="POST")),
        (400, "bad_request", upgrade_request(version="HTTP/1.0")),
        (400, "bad_request", upgrade_request(without=["host"])),
        (400, "bad_request", upgrade_request(host="a\r\nhost: b")),
        (400, "bad_request", upgrade_request(origin="https://a\r\norigin: https://b")),
        (400, "bad_request", upgrade_request(without=["sec-websocket-protocol"])),
        (400, "bad_request", upgrade_request(sec_websocket_protocol="widget-auth.v2")),
        (400, "bad_request", upgrade_request(without=["sec-websocket-key"])),
        (400, "bad_request", upgrade_request(sec_websocket_key="c2hvcnQ=")),
        (400, "bad_request", upgrade_request(sec_websocket_key="n\xf6t base64 at all!!!!")),
        (400, "bad_request", upgrade_request(sec_websocket_key=f"{KEY}\r\nsec-websocket-key: x")),
        (400, "bad_request", upgrade_request(content_length="5") + b"12345"),
        (400, "bad_request", upgrade_request(transfer_encoding="chunked") + b"0\r\n\r\n"),
        (426, "upgrade_required", upgrade_request(sec_websocket_version="8")),
        (426, "upgrade_required", upgrade_request(without=["sec-websocket-version"])),
        (403, "origin_not_allowed", upgrade_request(origin="https://evil.example")),
        (500, "internal_error", upgrade_request("/v1/socket?project=fails")),
        (
            403,
            "origin_not_allowed",
            upgrade_request("/v1/socket?project=slow", origin="https://evil.example"),
        ),
        (500, "internal_error", upgrade_request("/v1/socket?project=fails-late")),
        (503, "unavailable", upgrade_request("/v1/socket?project=withdrawn")),
    ],
)
def test_what_is_no_request_for_a_widget_socket_is_refused_over_http(
    app: EchoProcess, status: int, code: str, request_head: bytes
) -> None:
    """A whole response with a JSON error, the last on its connection."""
    with app.peer() as peer:
        peer.send(request_head)
        response = peer.response()
        ended = peer.is_ended()

    assert response.status == status
    assert json.loads(response.body)["error"]["code"] == code
    assert "close" in response.headers["connection"]
    assert ended


def test_a_decision_that_never_comes_is_a_refusal(impatient_app: EchoProcess) -> None:
    """Nobody is kept waiting for it."""
    with impatient_app.peer() as peer:
        peer.send(upgrade_request("/v1/socket?project=never"))
        response = peer.response()
        ended = peer.is_ended()

    assert response.status == 503
    assert json.loads(response.body)["error"]["code"] == "unavailable"
    assert "close" in response.headers["connection"]
    assert ended


def test_another_version_of_websocket_is_told_which_one_is_spoken(app: EchoProcess) -> None:
    """RFC 6455 section 4.4, RFC 9110 section 15.5.22."""
    with app.peer() as peer:
        peer.send(upgrade_request(sec_websocket_version="8"))
        headers = peer.response().headers

    assert headers["sec-websocket-version"] == "13"
    assert headers["upgrade"] == "websocket"


def test_a_refusal_reaches_a_client_that_goes_on_sending(app: EchoProcess) -> None:
    """Unread input resets no connection before the client has read its answer."""
    with app.peer() as peer:
        peer.send(upgrade_request("/elsewhere") + b"x" * 1_000_000)
        response = peer.response()
        ended = peer.is_ended()

    assert response.status == 404
    assert ended


def test_frames_that_come_with_the_request_are_read(app: EchoProcess) -> None:
    """A client that does not wait for the answer loses nothing."""
    with app.peer() as peer:
        peer.upgrade(tail=frame(b"early") + frame(b"half")[:3])
        peer.send(frame(b"half")[3:])
        assert [peer.text(), peer.text()] == [b"early", b"half"]


def test_a_decision_may_take_its_time(app: EchoProcess) -> None:
    """What comes meanwhile waits."""
    with app.peer() as peer:
        peer.upgrade("slow", tail=frame(b"early"))
        peer.send(frame(b"later"))
        assert [peer.text(), peer.text()] == [b"early", b"later"]


def test_a_client_may_leave_before_the_decision(app: EchoProcess) -> None:
    """Nothing is held for it afterwards."""
    with app.peer() as peer:
        peer.send(upgrade_request("/v1/socket?project=slow"))

    with app.peer() as peer:
        peer.send(upgrade_request("/v1/socket?project=slow"))
        peer.reset()

    app.wait_for(lambda state: state["live"] == 0 and state["connections"] == 1)


def test_a_connection_may_become_a_socket_after_ordinary_requests(app: EchoProcess) -> None:
    """HTTP and sockets share the port and the connection."""
    with app.peer() as peer:
        peer.send(b"GET /state HTTP/1.1\r\nhost: a\r\n\r\n")
        first = peer.response()
        peer.upgrade().send(frame(b"hello"))
        assert peer.text() == b"hello"

    assert first.status == 200


def test_no_socket_is_opened_into_an_unfinished_response(app: EchoProcess) -> None:
    """The response under way would be read as frames."""
    opened = app.state()["opened"]
    with app.peer() as peer:
        peer.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n" + upgrade_request())
        with pytest.raises((EOFError, ConnectionResetError)):
            peer.response()

    assert app.state()["opened"] == opened


@pytest.mark.parametrize("headers", [{"upgrade": "h2c"}, {"connection": "keep-alive"}])
def test_a_request_that_asks_for_no_socket_reaches_the_application(
    app: EchoProcess, headers: dict[str, str]
) -> None:
    """As HTTP says of an upgrade one does not know."""
    with app.peer() as peer:
        peer.send(upgrade_request(**headers))
        assert peer.response().status == 200


def test_the_address_is_seen_through_trusted_proxies(app: EchoProcess) -> None:
    """The test application trusts its own machine."""
    with app.peer() as peer:
        peer.upgrade(x_forwarded_for="198.51.100.1, 203.0.113.9, 127.0.0.5", origin="https://a.b")
        peer.send(frame(b"who"))
        seen = json.loads(peer.text())

    assert seen == {"project_id": "p1", "address": "203.0.113.9", "origin": "https://a.b"}


def test_the_time_of_the_last_sign_of_life_is_known(app: EchoProcess) -> None:
    """A ping counts as well as a message."""
    app.wait_for(lambda state: state["live"] == 0)
    with app.peer() as peer:
        peer.upgrade()
        app.wait_for(lambda state: state["silence"] > 0.2)
        before = time.monotonic()
        peer.send(frame(b"", opcode=9))
        peer.frame()
        silence = app.state()["silence"]
        assert silence <= time.monotonic() - before


def test_the_listener_may_greet(app: EchoProcess) -> None:
    """What it sends while it is made follows the handshake."""
    with app.peer() as peer:
        assert peer.upgrade("greets").text() == b"welcome"


def test_the_listener_may_close_at_once(app: EchoProcess) -> None:
    """The close frame follows the handshake."""
    with app.peer() as peer:
        assert peer.upgrade("full").close_frame() == (4429, {"code": "too_many_requests"})
