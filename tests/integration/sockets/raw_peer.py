"""A client made of a TCP socket alone: it can say what no WebSocket library would."""

import json
import socket
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TIMEOUT_SECONDS = 60.0

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10


class Response(NamedTuple):
    """An HTTP response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Frame(NamedTuple):
    """A frame from the server."""

    first_byte: int
    payload: bytes


def frame(payload: bytes = b"", opcode: int = TEXT, flags: int = FIN) -> bytes:
    """A masked frame with the shortest length that fits."""
    mask = b"\x01\x02\x03\x04"
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([flags | opcode]) + length + mask + masked


def upgrade_request(
    target: str = "/v1/socket?project=p1",
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    without: Iterable[str] = (),
    **headers: str,
) -> bytes:
    """A request for a socket; `without` leaves headers out, keywords replace or add them."""
    fields = {
        "host": "gateway.example",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": KEY,
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "widget-auth.v1",
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if name not in without]
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")


class RawPeer:
    """One TCP connection."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.socket.connect(("127.0.0.1", port))
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """The data is sent."""
        self.socket.sendall(data)

    def upgrade(self, project: str = "p1", tail: bytes = b"", **headers: str) -> Self:
        """The connection is a socket."""
        self.send(upgrade_request(f"/v1/socket?project={project}", **headers) + tail)
        response = self.response()
        assert response.status == 101, response
        return self

    def response(self) -> Response:
        """The next HTTP response."""
        while b"\r\n\r\n" not in self._unread:
            self._more()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        body = self._take(int(headers.get("content-length", "0")))
        return Response(int(status_line.split()[1]), headers, body)

    def frame(self) -> Frame:
        """The next frame."""
        first_byte, size = self._take(2)
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
        return Frame(first_byte, self._take(size))

    def text(self) -> bytes:
        """The next frame's text."""
        first_byte, payload = self.frame()
        assert first_byte == FIN | TEXT
        return payload

    def close_frame(self) -> tuple[int, Any]:
        """The code and the JSON reason of the next frame, which is a close frame."""
        first_byte, payload = self.frame()
        assert first_byte == FIN | CLOSE
        return int.from_bytes(payload[:2], "big"), json.loads(payload[2:])

    def is_ended(self) -> bool:
        """Whether the server has ended the connection, with nothing unread and no reset."""
        return self._unread == b"" and self.socket.recv(65536) == b""

    def rest(self) -> bytes:
        """All that comes until the server ends the connection."""
        while chunk := self.socket.recv(65536):
            self._unread += chunk
        rest, self._unread = self._unread, b""
        return rest

    def reset(self) -> None:
        """The connection is gone without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _take(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _more(self) -> None:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise EOFError
        self._unread += chunk
