"""Requests that are too large or too slow to be one: refused, and their connection ended."""

import asyncio
import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dashboard.http_protocol import MAX_HEAD_BYTES, MAX_PIPELINED, BoundedHttpProtocol
from tests.integration.dashboard.serving import Api, serving, settings_of
from tests.servers.redis import RedisServer
from tests.waiting import wait_until

GOOD = b"GET /sign-in HTTP/1.1\r\nhost: x\r\n"
LONG = b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
FEW = 8
"""Answers to GOOD: more than the kernel takes, less than would stop the application."""

PATIENCE_SECONDS = 1.0
DEADLINE_SECONDS = 60.0


class Patient(BoundedHttpProtocol):
    """Waits for a longer time than people would like."""

    request_seconds = DEADLINE_SECONDS
    paused_seconds = DEADLINE_SECONDS


class Impatient(BoundedHttpProtocol):
    """Waits for a shorter time than people's browsers need, and leaves little to the kernel."""

    request_seconds = PATIENCE_SECONDS
    paused_seconds = PATIENCE_SECONDS
    peers: ClassVar[set[object]] = set()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """What is sent and not taken soon stays here."""
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        super().connection_made(transport)
        self.peers.add(self.client)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is none any more."""
        self.peers.discard(self.client)
        super().connection_lost(exc)


@pytest.fixture(scope="module")
def impatient(
    sqlite_template: Path, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A dashboard that waits for a short time only."""
    path = tmp_path_factory.mktemp("heads") / "kept.sqlite"
    shutil.copy(sqlite_template, path)
    settings = settings_of(f"sqlite:///{path}", redis_server.url)
    with serving(settings, http=Impatient, timeout_keep_alive=1) as api:
        yield api


@pytest.fixture(scope="module")
def patient(
    sqlite_template: Path, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A dashboard that waits longer than any machine stands still."""
    path = tmp_path_factory.mktemp("heads") / "kept.sqlite"
    shutil.copy(sqlite_template, path)
    settings = settings_of(f"sqlite:///{path}", redis_server.url)
    with serving(settings, http=Patient, timeout_keep_alive=60) as api:
        yield api


@contextmanager
def connected(api: Api) -> Iterator[socket.socket]:
    """A connection to it."""
    url = api.client.base_url
    with socket.create_connection((url.host, url.port), timeout=DEADLINE_SECONDS) as connection:
        yield connection


@pytest.fixture
def peer(patient: Api) -> Iterator[socket.socket]:
    """A connection to the patient one."""
    with connected(patient) as connection:
        yield connection


@pytest.fixture
def slow_peer(impatient: Api) -> Iterator[socket.socket]:
    """A connection to the one that waits for a short time only."""
    with connected(impatient) as connection:
        yield connection


def page_of(peer: socket.socket) -> bytes:
    """The answer that comes, which is a page."""
    told = b""
    while b"</html>" not in told:
        part = peer.recv(65_536)
        assert part, told
        told += part
    return told


def answer_of(peer: socket.socket) -> tuple[int, str]:
    """Status and code of the refusal, after which the connection has ended."""
    told = b""
    while part := peer.recv(65_536):
        told += part
    head, _, body = told.partition(b"\r\n\r\n")
    refusal: dict[str, Any] = json.loads(body)
    assert b"connection: close" in head
    return int(head.split()[1]), refusal["error"]["code"]


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_head_may_be_so_large(peer: socket.socket, pieces: int) -> None:
    """One that is larger is refused whether it comes at once or bit by bit, and whole or not."""
    filling = b"x-filling: " + b"y" * (MAX_HEAD_BYTES + 100)
    text = GOOD + filling + (b"\r\n\r\n" if pieces == 1 else b"")
    size = len(text) // pieces + 1
    for start in range(0, len(text), size):
        peer.sendall(text[start : start + size])

    assert answer_of(peer) == (431, "headers_too_large")


def test_a_long_request_line_counts_too(peer: socket.socket) -> None:
    """What follows it is not waited for."""
    peer.sendall(b"GET /" + b"z" * (MAX_HEAD_BYTES + 1))

    assert answer_of(peer) == (431, "headers_too_large")


@pytest.mark.parametrize("sent", [b"", b"G", GOOD])
def test_a_slow_head_is_not_waited_for(slow_peer: socket.socket, sent: bytes) -> None:
    """However much of it has come; a connection without any request is one, too."""
    if sent:
        slow_peer.sendall(sent)

    assert answer_of(slow_peer) == (408, "request_timeout")


def heard_while_dripping(peer: socket.socket, drop: bytes) -> bytes:
    """What comes while drop after drop is sent; nothing where the connection ends."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    peer.settimeout(PATIENCE_SECONDS / 5)
    while time.monotonic() < deadline:
        try:
            peer.sendall(drop)
            return peer.recv(65_536)
        except TimeoutError:
            continue
        except OSError:
            return b""
    pytest.fail("it is waited for")


def test_a_head_that_drips_is_not_waited_for(slow_peer: socket.socket) -> None:
    """Each new byte is no new time."""
    slow_peer.sendall(GOOD)

    told = heard_while_dripping(slow_peer, b"x: y\r\n")

    assert told == b"" or told.startswith(b"HTTP/1.1 408 ")


def test_line_ends_are_no_request(slow_peer: socket.socket) -> None:
    """Between requests they keep nothing alive."""
    slow_peer.sendall(GOOD + b"\r\n")
    page_of(slow_peer)

    assert heard_while_dripping(slow_peer, b"\r\n") == b""


def test_a_body_that_does_not_come_is_not_waited_for(slow_peer: socket.socket) -> None:
    """The connection ends; what can be said without the body may have been."""
    slow_peer.sendall(
        b"POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n"
        b"content-type: application/x-www-form-urlencoded\r\n\r\na"
    )
    try:
        while slow_peer.recv(65_536):
            pass
    except ConnectionResetError:
        pass


def test_few_requests_wait_for_the_answer_before_theirs(peer: socket.socket) -> None:
    """However many fit into one read, the rest is not taken in: the connection ends."""
    peer.sendall((GOOD + b"\r\n") * (2 + MAX_PIPELINED))
    told = b""
    try:
        while part := peer.recv(65_536):
            told += part
    except ConnectionResetError:
        pass

    assert b"</html>" not in told


def test_an_answer_has_to_be_taken_in_time(impatient: Api) -> None:
    """Nothing is held for whoever asks for much and reads nothing."""
    url = impatient.client.base_url
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.connect((url.host, url.port))
        peer.sendall(LONG * (1 + MAX_PIPELINED))
        wait_until(partial(has_ended, peer), "its end", DEADLINE_SECONDS)


def has_ended(peer: socket.socket) -> bool:
    """Whether nothing can be sent any more."""
    try:
        peer.sendall(b"\r\n")
    except OSError:
        return True
    return False


@pytest.mark.parametrize("header", [b"connection: close\r\n", b""])
def test_the_rest_of_the_last_answer_has_to_be_taken_in_time(impatient: Api, header: bytes) -> None:
    """Also when it is little: the connection is closing, at once or unused, and cannot."""
    url = impatient.client.base_url
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.connect((url.host, url.port))
        peer.sendall((GOOD + b"\r\n") * (FEW - 1) + GOOD + header + b"\r\n")
        assert peer.recv(1)
        wait_until(lambda: peer.getsockname() not in Impatient.peers)


def test_what_is_no_request_is_told_so(peer: socket.socket) -> None:
    """As JSON, like every error."""
    peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 nothing\r\n\r\n")

    assert answer_of(peer) == (400, "bad_request")


def test_ordinary_requests_on_one_connection_are_answered(peer: socket.socket) -> None:
    """One after another, and a head just below the limit."""
    for size in (1, MAX_HEAD_BYTES - 200):
        peer.sendall(GOOD + b"x-filling: " + b"y" * size + b"\r\n\r\n")
        assert page_of(peer).startswith(b"HTTP/1.1 200 ")
