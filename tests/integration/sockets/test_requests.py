import json
from http import HTTPStatus

import pytest

from gateway.sockets.http_protocol import MAX_PIPELINED
from tests.integration.sockets.processes import EchoProcess
from tests.integration.sockets.raw_peer import RawPeer, upgrade_request

POST = b"POST /state HTTP/1.1\r\nhost: a\r\n"
REQUEST = b"GET /state HTTP/1.1\r\nhost: a\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nhost: a\r\n"
FILL = b"GET /fill HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


def test_requests_share_a_connection(app: EchoProcess) -> None:
    """HTTP beside the sockets is ordinary, pipelining included."""
    with app.peer() as peer:
        peer.send((REQUEST + b"\r\n") * 3)
        statuses = [peer.response().status for _ in range(3)]

    assert statuses == [200, 200, 200]


def test_few_requests_wait_for_the_answer_before_theirs(app: EchoProcess) -> None:
    """However many fit into one read: each that waits takes memory."""
    with app.peer() as peer:
        peer.send(SLOW + (REQUEST + b"\r\n") * MAX_PIPELINED)
        statuses = [peer.response().status for _ in range(1 + MAX_PIPELINED)]
    with app.peer() as peer:
        peer.send(SLOW + (REQUEST + b"\r\n") * (1 + MAX_PIPELINED))
        with pytest.raises((EOFError, ConnectionResetError)):
            peer.response()

    assert set(statuses) == {200}


@pytest.mark.parametrize(
    "head",
    [
        REQUEST + b"x: " + b"y" * 16_500 + b"\r\n\r\n",
        REQUEST + b"x: " + b"y" * 16_500,
        REQUEST + b"x: y\r\n" * 6_000 + b"\r\n",
        b"GET /" + b"x" * 16_500 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
        upgrade_request(x="y" * 16_500),
    ],
)
def test_a_request_head_has_a_size_limit(app: EchoProcess, head: bytes) -> None:
    """Whether it comes whole or never ends."""
    with app.peer() as peer:
        peer.send(head)
        response = peer.response()
        ended = peer.is_ended()

    assert response.status == 431
    assert json.loads(response.body)["error"]["code"] == "headers_too_large"
    assert ended


def test_a_large_body_is_no_large_head(app: EchoProcess) -> None:
    """The application decides about bodies."""
    with app.peer() as peer:
        peer.send(
            b"POST /state HTTP/1.1\r\nhost: a\r\ncontent-length: 50000\r\n\r\n" + b"x" * 50_000
        )
        first = peer.response()
        peer.send(REQUEST + b"\r\n")
        second = peer.response()

    assert (first.status, second.status) == (200, 200)


@pytest.mark.parametrize("beginning", [b"", REQUEST, upgrade_request()[:-2]])
def test_a_request_has_to_come_in_time(impatient_app: EchoProcess, beginning: bytes) -> None:
    """A connection that says nothing, or never ends its head, is not kept."""
    with impatient_app.peer() as peer:
        peer.send(beginning)
        response = peer.response()
        ended = peer.is_ended()

    assert response.status == 408
    assert ended


def test_a_body_has_to_come_in_time(impatient_app: EchoProcess) -> None:
    """Though the answer may be given already."""
    with impatient_app.peer() as peer:
        peer.send(POST + b"content-length: 10\r\n\r\n")
        peer.response()
        with pytest.raises((EOFError, ConnectionResetError)):
            peer.frame()


def test_a_second_request_on_a_connection_has_to_come_in_time(impatient_app: EchoProcess) -> None:
    """Having asked once buys no patience."""
    with _answered_once(impatient_app) as peer:
        peer.send(REQUEST)
        assert peer.response().status == 408


def test_line_ends_are_no_request(impatient_app: EchoProcess) -> None:
    """Sent after an answer, they keep no connection."""
    with _answered_once(impatient_app) as peer:
        peer.send(b"\r\n")
        ended = peer.is_ended()

    assert ended


def _answered_once(app: EchoProcess) -> RawPeer:
    """A connection whose first request was answered: the first that was not found late."""
    while True:
        peer = app.peer()
        peer.send(REQUEST + b"\r\n")
        if peer.response().status == HTTPStatus.OK:
            return peer
        peer.socket.close()


@pytest.mark.parametrize("header", [b"", b"connection: close\r\n"])
def test_an_answer_has_to_be_taken_in_time(impatient_app: EchoProcess, header: bytes) -> None:
    """Of a large one the end is never seen; nothing is held for whoever does not read it."""
    with impatient_app.peer(receive_buffer=4_096) as peer:
        peer.send(LARGE + header + b"\r\n")
        peer.socket.recv(1)
        impatient_app.wait_for(lambda state: state["connections"] == 1 and state["unsent"] == 0)


def test_the_rest_of_the_last_answer_has_to_be_taken_in_time(impatient_app: EchoProcess) -> None:
    """Also when it is little: the connection is closing, and its peer does not let it."""
    with impatient_app.peer(receive_buffer=4_096) as peer:
        peer.send(FILL)
        peer.socket.recv(1)
        impatient_app.wait_for(lambda state: state["connections"] == 1 and state["unsent"] == 0)


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01", b"HELO there\r\n\r\n", b"\x81\x80abcd"]
)
def test_what_is_no_http_is_refused(app: EchoProcess, garbage: bytes) -> None:
    """TLS on the wrong port, another protocol, frames without a handshake."""
    with app.peer() as peer:
        peer.send(garbage)
        response = peer.response()
        ended = peer.is_ended()

    assert response.status == 400
    assert ended


def test_garbage_behind_a_request_ends_the_connection(app: EchoProcess) -> None:
    """No second answer is written into the first."""
    with app.peer() as peer:
        peer.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n\x00\x00")
        with pytest.raises((EOFError, ConnectionResetError)):
            peer.response()
