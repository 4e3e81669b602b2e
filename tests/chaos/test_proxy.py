"""The proxy that the faults of this suite use."""

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Link, Proxy, Rule
from tests.waiting import wait_until

SECONDS = 60.0
VANISH = b"vanish"


@pytest.fixture
def link() -> Iterator[Link]:
    """A way to a server that answers every message with itself."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(listener,), daemon=True).start()
    with Proxy() as proxy:
        yield proxy.link("echo", listener.getsockname()[1])
    listener.close()


def test_bytes_pass_both_ways(link: Link) -> None:
    """Without a rule a proxy is not noticed."""
    with _connect(link) as client:
        assert _ask(client, b"word") == b"word"


def test_a_delay_holds_every_byte_up(link: Link) -> None:
    """There and back take twice the delay."""
    with _connect(link) as client:
        link.obey(Rule(delay_seconds=0.1))
        began = time.monotonic()
        assert _ask(client, b"word") == b"word"
        assert time.monotonic() - began >= 0.2


def test_a_black_hole_swallows_nothing_for_good(link: Link) -> None:
    """Nothing comes while it is there, also no reset; everything does when it is gone."""
    with _connect(link) as client:
        link.obey(Rule(hole=True))
        client.settimeout(0.2)
        client.sendall(b"word")
        with pytest.raises(TimeoutError):
            client.recv(16)
        link.lift()
        client.settimeout(SECONDS)
        assert client.recv(16) == b"word"


def test_a_reset_ends_old_and_new_connections(link: Link) -> None:
    """The peer of a reset connection has an error, not an end of file."""
    with _connect(link) as client:
        assert _ask(client, b"word") == b"word"
        link.obey(Rule(reset=True))
        with pytest.raises(ConnectionResetError):
            client.recv(16)
    with pytest.raises(ConnectionResetError):
        _ask_anew(link, b"word")
    link.lift()
    assert _ask_anew(link, b"word") == b"word"


def test_a_server_that_vanishes_is_noticed(link: Link) -> None:
    """A client that waits for an answer is not left waiting when its server's end is reset."""
    with _connect(link) as client:
        assert _ask(client, b"word") == b"word"
        with pytest.raises(ConnectionResetError):
            _ask(client, VANISH)


def test_answers_can_be_held_while_messages_pass(link: Link) -> None:
    """A connection that subscribed goes on; the answers of the others wait."""
    with _connect(link) as subscriber, _connect(link) as client:
        assert _ask(subscriber, b"SUBSCRIBE") == b"SUBSCRIBE"
        link.obey(Rule(hold_answers=True))
        client.sendall(b"word")
        assert _ask(subscriber, b"signal") == b"signal"
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(16)
        link.lift()
        client.settimeout(SECONDS)
        assert client.recv(16) == b"word"


def test_a_lost_message_never_comes(link: Link) -> None:
    """What contains the text is swallowed, and nothing else."""
    with _connect(link) as client:
        link.obey(Rule(lose=b"revoke"))
        client.sendall(b"revoke it")
        wait_until(lambda: link.lost, "the message that is lost")
        assert _ask(client, b"word") == b"word"


def _connect(link: Link) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", link.port), SECONDS)
    client.settimeout(SECONDS)
    return client


def _ask(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(64)


def _ask_anew(link: Link, text: bytes) -> bytes:
    with _connect(link) as client:
        return _ask(client, text)


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        try:
            while (text := connection.recv(64)) not in {b"", VANISH}:
                connection.sendall(text)
            if text:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            return
