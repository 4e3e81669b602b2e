"""The floor: an epoll loop that upgrades sockets and writes one constant close frame to them all.

Usage: python -m benchmarks.bare_server PORT

It checks nothing, knows nobody and keeps nothing. Whoever connects and sends `CLOSE` instead of
a request makes it close every socket that is open.
"""

import base64
import hashlib
import os
import select
import socket
import sys

from benchmarks.wire import SUBPROTOCOL
from config.readiness import announce_ready

TRIGGER = b"CLOSE"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = b"Sec-WebSocket-Key: "
_REASON = b'{"code":"secret_revoked","retry_after_ms":1000}'
_CLOSE_FRAME = bytes([0x88, 2 + len(_REASON)]) + (4401).to_bytes(2, "big") + _REASON
_ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode() + b"\r\nSec-WebSocket-Accept: "
)


class BareServer:
    """Everything it does, it does in `run`, on one thread."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self._listener.settimeout(0)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._connections: dict[int, socket.socket] = {}
        self._open: set[int] = set()

    def run(self) -> None:
        """Never returns."""
        listening = self._listener.fileno()
        while True:
            for fd, _ in self._epoll.poll(-1, 4096):
                if fd == listening:
                    self._accept()
                else:
                    self._hear(fd)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            connection.settimeout(0)
            self._connections[connection.fileno()] = connection
            self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _hear(self, fd: int) -> None:
        try:
            received = self._connections[fd].recv(4096)
        except OSError:
            received = b""
        if received.startswith(TRIGGER):
            self._close_all()
        if fd in self._open or not received or received.startswith(TRIGGER):
            self._open.discard(fd)
            self._connections.pop(fd).close()
            return
        start = received.index(_KEY) + len(_KEY)
        key = received[start : received.index(b"\r", start)]
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        os.write(fd, _ANSWER + accept + b"\r\n\r\n")
        self._open.add(fd)

    def _close_all(self) -> None:
        for fd in self._open:
            os.write(fd, _CLOSE_FRAME)


if __name__ == "__main__":
    server = BareServer(int(sys.argv[1]))
    announce_ready()
    server.run()
