"""Bytes in, whole messages out: picows as the reader of frames.

picows reads frames well but has its own mind about the rest: on a fault it closes with 1002 and
disconnects 10 ms later (which loses the code), its read buffer only ever grows, and it would
write to the socket by itself. So it is given no socket. `FrameReader` feeds it bytes and stands
in as its transport: what picows wants to write is read as its verdict and goes nowhere.

A parser of picows' costs more than all else that a connect makes. Nearly all that widgets say comes
as whole text frames of one kind: `whole_texts` reads these, and picows is asked about all else.

Everything the gateway knows of picows' insides is in this module; picows is pinned exactly.
"""

from typing import Final, Protocol

import structlog
from picows import (
    WSAutoPingStrategy,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # missing in its stubs only

from gateway.sockets.whole_texts import read_whole_text

logger = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES: Final = 16 * 1024

PROTOCOL_ERROR: Final = 4400
NOT_UTF8: Final = 1007
TOO_LARGE: Final = 1009
INTERNAL_ERROR: Final = 1011

_KEPT_CODES = frozenset({NOT_UTF8, TOO_LARGE, INTERNAL_ERROR})
_READ_BUFFER_BYTES = 1024
_GROWN_BUFFER_BYTES = 4096
_SMALL_FRAME_BYTES = 512
_PICOWS_CLOSE = 0x88
_PICOWS_REQUEST = (
    b"GET / HTTP/1.1\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"\r\n"
)
_NEVER_SENT = frozenset({0, 1005, 1006, 1015})
_LAST_CLOSE_CODE = 4999


class Messages(Protocol):
    """Who takes what a peer says."""

    def admits_frame(self) -> bool:
        """Whether the peer may send one more frame, of whatever kind; if not, it is not read."""

    def text(self, text: bytes) -> None:
        """A whole text message: valid UTF-8, at most MAX_MESSAGE_BYTES."""

    def ping(self, payload: bytes) -> None:
        """The peer wants a pong with this payload."""

    def peer_closed(self, payload: bytes) -> None:
        """The peer's close frame: nothing follows it."""

    def fault(self, code: int) -> None:
        """The peer broke the protocol; what follows cannot be read."""


class FrameReader(WSListener):
    """Turns what a peer sends into messages, up to its close frame or its first fault."""

    __slots__ = ("_grown", "_is_over", "_messages", "_parser", "_parts", "_unread")

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._parts: bytearray | None = None
        self._grown = False
        self._unread = 0
        self._is_over = False
        self._parser: WSProtocol | None = None

    def feed(self, data: bytes) -> None:
        """Every message that is now whole has been handed on."""
        start = 0
        if not self._unread and self._parts is None:
            while not self._is_over and (found := read_whole_text(data, start, MAX_MESSAGE_BYTES)):
                text, start = found
                if self._messages.admits_frame():
                    self._deliver(text)
        if start < len(data) and not self._is_over:
            self._parse(memoryview(data)[start:])

    def _parse(self, rest: memoryview) -> None:
        parser = self._parser = self._parser or _new_parser(self)
        while rest and not self._is_over:
            room = parser.get_buffer(-1)
            # Filled to the brim, picows doubles its buffer whatever is in it; filled to three
            # quarters, it does so only where one frame needs it: never beyond 28 KB.
            piece = rest[: len(room) * 3 // 4]
            size = len(piece)
            room[:size] = piece
            self._unread = size
            parser.buffer_updated(size)
            rest = rest[size:]
        if self._grown:
            self._release_memory()

    def stop(self) -> None:
        """Nothing is read or handed on any more."""
        self._is_over = True
        self._parser = self._parts = None

    def refuse(self, code: int) -> None:
        """The peer's fault is handed on, as the last there is."""
        if not self._is_over:
            self.stop()
            self._messages.fault(code)

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """One frame, as picows calls it: only parsed, not yet judged."""
        if self._is_over:
            return
        self._unread = frame.tail_size
        if not self._messages.admits_frame():
            return
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3 or kind == WSMsgType.BINARY:
            self.refuse(PROTOCOL_ERROR)
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._join(frame, first=kind == WSMsgType.TEXT)
        elif kind == WSMsgType.PING:
            self._messages.ping(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self._close(frame.get_payload_as_bytes())

    def _join(self, frame: WSFrame, *, first: bool) -> None:
        self._grown = self._grown or frame.payload_size > _SMALL_FRAME_BYTES
        if first != (self._parts is None):
            self.refuse(PROTOCOL_ERROR)
        elif first and frame.fin:
            self._deliver(frame.get_payload_as_bytes())
        else:
            self._gather(frame)

    def _gather(self, frame: WSFrame) -> None:
        parts = self._parts = bytearray() if self._parts is None else self._parts
        if len(parts) + frame.payload_size > MAX_MESSAGE_BYTES:
            self.refuse(TOO_LARGE)
            return
        parts += frame.get_payload_as_memoryview()
        if frame.fin:
            self._parts = None
            self._deliver(bytes(parts))

    def _deliver(self, text: bytes) -> None:
        if _is_utf8(text):
            self._messages.text(text)
        else:
            self.refuse(NOT_UTF8)

    def _close(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big")
        if payload and (code in _NEVER_SENT or code > _LAST_CLOSE_CODE):
            self.refuse(PROTOCOL_ERROR)
        else:
            self.stop()
            self._messages.peer_closed(payload)

    def _release_memory(self) -> None:
        """A buffer grown for one long message is not kept through the hours after it."""
        if self._parser is None or self._unread:
            return
        self._grown = False
        if len(self._parser.get_buffer(-1)) > _GROWN_BUFFER_BYTES:
            self._parser = None


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class _StandIn:
    """What picows takes for its transport: it sends nothing and reads picows' verdicts."""

    __slots__ = ("_reader",)

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader

    def write(self, data: bytes) -> None:
        """A close frame of picows' own means that it found a fault; all else is of no interest."""
        if data[0] == _PICOWS_CLOSE:
            code = int.from_bytes(data[2:4], "big")
            self._reader.refuse(code if code in _KEPT_CODES else PROTOCOL_ERROR)

    def close(self) -> None:
        """Disconnecting is the connection's business."""

    def get_write_buffer_size(self) -> int:
        """Never nothing: with nothing waiting, picows would write to the file descriptor."""
        return 1

    def get_extra_info(self, name: str) -> "_NoSocket | None":
        """There is no TLS and no address; for the socket, one that does nothing."""
        return _NO_SOCKET if name == "socket" else None


class _NoSocket:
    """A socket without one: picows sets options on it, which the real one has already."""

    def fileno(self) -> int:
        """No file descriptor."""
        return -1

    def setsockopt(self, *_: object) -> None:
        """Nothing to set."""

    def getsockopt(self, *_: object) -> int:
        """Nothing is set."""
        return 0


class _Silence:
    """A logger for picows: faults of peers are told to the connection; the rest is a bug."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802  # logging's own name
        """Nothing is wanted, least of all frames' content."""
        return False

    def exception(self, template: str, *_: object) -> None:
        """Told without arguments, which may hold what the peer sent."""
        logger.error("frame_reading_failed", picows=template)

    def debug(self, *_: object) -> None:
        """Not told."""

    info = warning = error = log = debug


_NO_SOCKET = _NoSocket()
_SILENCE = _Silence()
_PICOWS_RESPONSE = WSUpgradeResponse.create_101_response()


def _new_parser(reader: FrameReader) -> WSProtocol:
    """A picows server protocol past its handshake, with its smallest buffer."""

    def seat(_request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return WSUpgradeResponseWithListener(_PICOWS_RESPONSE, reader)

    parser = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=seat,
        logger=_SILENCE,
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=0,
        auto_ping_reply_timeout=0,
        auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
        enable_auto_pong=False,
        max_frame_size=MAX_MESSAGE_BYTES,
        extra_headers=None,
        read_buffer_init_size=_READ_BUFFER_BYTES,
    )
    parser.connection_made(_StandIn(reader))
    parser.get_buffer(-1)[: len(_PICOWS_REQUEST)] = _PICOWS_REQUEST
    parser.buffer_updated(len(_PICOWS_REQUEST))
    return parser
