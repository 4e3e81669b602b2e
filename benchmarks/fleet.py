"""Many widget sockets in one process, over one epoll."""

import json
import random
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Self

from benchmarks.dialects import OURS, Dialect
from benchmarks.wire import CLOSE, TEXT, client_frame, split_frames, upgrade_request

WINDOW = 256
EVENTS_AT_ONCE = 1024
PATIENCE_SECONDS = 60.0
READ_BYTES = 8192
SOURCES = 16

_CLOSE = client_frame(b"", CLOSE)
_UPGRADED = b"HTTP/1.1 101 "


class FleetFailed(Exception):
    """A socket was answered with something else than was expected."""


class Widget:
    """One socket. `greeted` counts the answers to its greeting; -1 before the upgrade."""

    __slots__ = ("fd", "greeted", "received", "sent_at", "sign_in", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.fd = connection.fileno()
        self.received = b""
        self.sign_in = b""
        self.sent_at = 0.0
        self.greeted = -1

    def take_token(self, token: str) -> None:
        """The frame that presents this token is ready."""
        frame = {"type": "sign_in", "id": "1", "token": token}
        self.sign_in = client_frame(json.dumps(frame).encode())

    def present_token(self) -> None:
        """The token is on its way."""
        self.sent_at = time.monotonic()
        self.socket.send(self.sign_in)


@dataclass(slots=True)
class Closes:
    """When close frames were read, and when what started it was overheard (monotonic seconds)."""

    times: list[float] = field(default_factory=list)
    overheard_at: float = 0.0


class Fleet:
    """Sockets of one server; a context that closes them.

    Args:
        port: of a server on this machine.
        path: what to ask it for.
        dialect: what is said while its sockets open and close.
    """

    def __init__(self, port: int, path: str, dialect: Dialect = OURS) -> None:
        self._address = ("127.0.0.1", port)
        self._request = upgrade_request(f"127.0.0.1:{port}", path)
        self._dialect = dialect
        # Its own source addresses, and several: looking for a free port takes the kernel long
        # where an address has used many, and those of earlier fleets still wait (TIME_WAIT).
        network = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"
        self._sources = cycle([(f"{network}.{host}", 0) for host in range(1, 1 + SOURCES)])
        self._epoll = select.epoll()
        self.widgets: dict[int, Widget] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for widget in self.widgets.values():
            widget.socket.close()
        self._epoll.close()

    def open(self, number: int) -> float:
        """So many more sockets are open; returns the seconds that took.

        Raises:
            FleetFailed: the server refused one, or did not answer in time.
        """
        began = time.monotonic()
        wanted, started = len(self.widgets) + number, len(self.widgets)
        connecting: dict[int, Widget] = {}
        while len(self.widgets) < wanted:
            while started < wanted and len(connecting) < WINDOW:
                widget = self._connect()
                connecting[widget.fd] = widget
                started += 1
            for fd, events in self._poll(began + PATIENCE_SECONDS):
                if self._opened(connecting[fd], events):
                    self.widgets[fd] = connecting.pop(fd)
        return time.monotonic() - began

    def frames(self, timeout: float) -> Iterator[tuple[Widget, int, bytes]]:
        """What came within the timeout (seconds): widget, opcode, payload.

        Raises:
            FleetFailed: the server hung up on a widget.
        """
        for fd, _ in self._epoll.poll(timeout, EVENTS_AT_ONCE):
            widget = self.widgets[fd]
            received = widget.socket.recv(READ_BYTES)
            if not received:
                message = "the server hung up without a close frame"
                raise FleetFailed(message)
            frames, widget.received = split_frames(widget.received + received)
            for opcode, payload in frames:
                yield widget, opcode, payload

    def until_closed(self, code: int | None, overheard: socket.socket | None = None) -> Closes:
        """The server has closed every widget with this code, and each has answered.

        Args:
            code: of the close frames; None where they have none.
            overheard: a socket on which something comes that starts the closing.

        Raises:
            FleetFailed: a widget heard something else, or nothing in time.
        """
        closes, closed = Closes(), set[int]()
        ear = overheard.fileno() if overheard else -1
        if overheard:
            self._epoll.register(ear, select.EPOLLIN)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(closed) < len(self.widgets):
            for fd, _ in self._poll(deadline):
                if overheard and fd == ear:
                    overheard.recv(READ_BYTES)
                    closes.overheard_at = closes.overheard_at or time.monotonic()
                elif fd not in closed and self._hears_close(self.widgets[fd], code):
                    closes.times.append(time.monotonic())
                    closed.add(fd)
        for fd in closed:  # not meanwhile: what this costs here would count as the server's time
            self._forget(self.widgets[fd])
        return closes

    def _hears_close(self, widget: Widget, code: int | None) -> bool:
        """Whether its close frame has come, and nothing but the farewell before."""
        received = widget.socket.recv(READ_BYTES)
        frames, widget.received = split_frames(widget.received + received)
        if frames and frames[0] == (TEXT, self._dialect.farewell):
            del frames[0]
        if received and not frames:
            return False
        wanted = b"" if code is None else code.to_bytes(2, "big")
        if [(opcode, payload[:2]) for opcode, payload in frames] != [(CLOSE, wanted)]:
            message = f"no close frame with {code}: {received[:200]!r}"
            raise FleetFailed(message)
        return True

    def _forget(self, widget: Widget) -> None:
        self._epoll.unregister(widget.fd)
        del self.widgets[widget.fd]
        with widget.socket, suppress(OSError):  # the server may have hung up already
            widget.socket.send(_CLOSE)

    def sign_in(self, window: int = WINDOW) -> float:
        """Every widget has presented its token and is signed in; returns the seconds that took.

        Raises:
            FleetFailed: one was refused, or not answered in time.
        """
        began = time.monotonic()
        waiting = list(self.widgets.values())
        left = len(waiting)
        for _ in range(min(window, left)):
            waiting.pop().present_token()
        while left:
            if time.monotonic() > began + PATIENCE_SECONDS:
                message = f"{left} sign-ins were not answered"
                raise FleetFailed(message)
            for _, _, payload in self.frames(1.0):
                if not payload.startswith(b'{"type":"signed_in"'):
                    message = f"not signed in: {payload[:200]!r}"
                    raise FleetFailed(message)
                left -= 1
                if waiting:
                    waiting.pop().present_token()
        return time.monotonic() - began

    def _connect(self) -> Widget:
        connection = socket.socket()
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.bind(next(self._sources))
        connection.connect_ex(self._address)
        self._epoll.register(connection.fileno(), select.EPOLLOUT)
        return Widget(connection)

    def _poll(self, deadline: float) -> list[tuple[int, int]]:
        if time.monotonic() > deadline:
            message = "the server did not answer every socket in time"
            raise FleetFailed(message)
        return self._epoll.poll(1.0, EVENTS_AT_ONCE)

    def _opened(self, widget: Widget, events: int) -> bool:
        """Whether this was the last step of opening it."""
        if events & select.EPOLLOUT:
            widget.socket.send(self._request)
            self._epoll.modify(widget.fd, select.EPOLLIN)
            return False
        received = widget.socket.recv(READ_BYTES)
        if not received:
            message = f"the server hung up on a newcomer: {widget.received[:200]!r}"
            raise FleetFailed(message)
        widget.received += received
        if widget.greeted < 0:
            answer, ended, rest = widget.received.partition(b"\r\n\r\n")
            if not answer.startswith(_UPGRADED[: len(answer)]):
                message = f"no upgrade: {widget.received[:200]!r}"
                raise FleetFailed(message)
            if not ended:
                return False
            widget.greeted, widget.received = 0, rest
            self._say(widget)
        return self._greeted(widget)

    def _greeted(self, widget: Widget) -> bool:
        """Whether the server has given every answer of the greeting."""
        greeting = self._dialect.greeting
        frames, widget.received = split_frames(widget.received)
        for opcode, payload in frames:
            if opcode != TEXT or not payload.startswith(greeting[widget.greeted].answer):
                message = f"no welcome: {payload[:200]!r}"
                raise FleetFailed(message)
            widget.greeted += 1
            if widget.greeted == len(greeting):
                return True
            self._say(widget)
        return widget.greeted == len(greeting)

    def _say(self, widget: Widget) -> None:
        """The widget has said what is next in the greeting, if anything is."""
        left = self._dialect.greeting[widget.greeted :]
        if left and left[0].said:
            widget.socket.send(left[0].said)
