"""One widget's connection: from the answered upgrade to the end of TCP."""

import asyncio
import time
from typing import Any, ClassVar, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from domain.rate_windows import RateWindow
from gateway.sockets.failures import log_failure
from gateway.sockets.frames import close_echo, close_frame, pong_frame, text_frame
from gateway.sockets.handshake import switching_response
from gateway.sockets.hub import Hub
from gateway.sockets.interface import SocketEvents, UpgradeRequest
from gateway.sockets.reader import (
    INTERNAL_ERROR,
    NOT_UTF8,
    PROTOCOL_ERROR,
    TOO_LARGE,
    FrameReader,
)

_WORDS: Final = {
    PROTOCOL_ERROR: "protocol_error",
    NOT_UTF8: "not_utf8",
    TOO_LARGE: "too_large",
    INTERNAL_ERROR: "internal_error",
}
_FRAMES: Final = {
    code: close_frame(code, b'{"code":"%b"}' % word.encode()) for code, word in _WORDS.items()
}


class SocketConnection(asyncio.Protocol):
    """A `Socket`, the protocol of its transport and one of uvicorn's connections.

    It is open until `ending` has a word. From then on nothing is delivered; the transport stays
    until the peer has closed too, because closing TCP with input unread resets the connection and
    the peer may never see our close frame. `hub.closing` bounds the wait.
    """

    __slots__ = (
        "_connections",
        "_events",
        "_frames",
        "_reader",
        "_transport",
        "address",
        "ending",
        "last_received",
        "origin",
        "project_id",
    )

    hub: ClassVar[Hub]
    project_id: str
    address: str
    origin: str | None

    def __init__(
        self,
        config: Config,  # noqa: ARG002  # uvicorn's signature
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002
    ) -> None:
        self.ending = ""
        self.last_received = time.monotonic()
        self._connections: set[Any] = server_state.connections
        self._events: SocketEvents | None = None
        self._frames = RateWindow()
        self._reader: FrameReader | None = FrameReader(self)

    def open(
        self, transport: asyncio.Transport, request: UpgradeRequest, key: bytes, tail: bytes
    ) -> None:
        """The upgrade is answered, and what came with it is read."""
        self._transport = transport
        self.project_id = request.project_id
        self.address = request.address
        self.origin = request.origin
        self._connections.add(self)
        transport.set_protocol(self)
        transport.write(switching_response(key))
        try:
            self._events = self.hub.events(self)
        except Exception as failure:  # noqa: BLE001  # whatever it is, it is this socket's alone
            self._fail("events", failure)
        if tail:
            self.data_received(tail)

    @property
    def is_open(self) -> bool:
        """Whether messages still flow."""
        return not self.ending

    def send(self, text: bytes) -> None:
        """The text is on its way."""
        if not self.ending:
            self._write(text_frame(text))

    def close(self, frame: bytes) -> None:
        """Our last word is on its way; the peer is waited for."""
        self._end("closed_here", frame)

    def shutdown(self) -> None:
        """The process is stopping: uvicorn calls this on each of its connections."""
        self.hub.stopping = True
        self._end("restarting", self.hub.restarting())

    def give_up(self, why: str) -> None:
        """The connection is gone without another word."""
        self.ending = self.ending or why
        self._transport.abort()

    # What the transport tells

    def data_received(self, data: bytes) -> None:
        """Whole messages in the data have been delivered, unless the socket is closing."""
        self.last_received = time.monotonic()
        if self._reader is not None:
            self._reader.feed(data)

    def pause_writing(self) -> None:
        """The peer takes less than it is sent: it has some seconds."""
        self.hub.paused.add(self)

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.hub.paused.discard(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Nothing holds the connection any more, and its listener knows."""
        self.ending = self.ending or "lost"
        self._connections.discard(self)
        self.hub.closing.discard(self)
        self.hub.paused.discard(self)
        self._stop_reading()
        events, self._events = self._events, None
        if events is not None:
            try:
                events.closed()
            except Exception as failure:  # noqa: BLE001
                log_failure("closed", failure)

    # What the reader asks and tells

    def admits_frame(self) -> bool:
        """Whether the peer keeps within its limit; one that does not has had our last word.

        After that, and after any other, frames are read for the sake of the peer's close alone.
        """
        limit = self.hub.patience.frames_per_minute
        if self.ending or self._frames.admit(limit, self.last_received):
            return True
        self._end("too_many_requests", self.hub.flooding())
        return False

    def text(self, text: bytes) -> None:
        """A message for the listener."""
        if self.ending or self._events is None:
            return
        try:
            self._events.received(text)
        except Exception as failure:  # noqa: BLE001
            self._fail("received", failure)

    def ping(self, payload: bytes) -> None:
        """A ping is answered."""
        if not self.ending:
            self._write(pong_frame(payload))

    def peer_closed(self, payload: bytes) -> None:
        """Both sides have closed, or do so now: TCP may end."""
        self._end("closed_by_peer", close_echo(payload))
        self._transport.close()

    def fault(self, code: int) -> None:
        """The peer's answer could not be read: it hears that we are done by our end of TCP."""
        self._end(_WORDS[code], _FRAMES[code])
        self._stop_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _fail(self, callback: str, failure: Exception) -> None:
        log_failure(callback, failure)
        self._end(_WORDS[INTERNAL_ERROR], _FRAMES[INTERNAL_ERROR])

    def _end(self, why: str, frame: bytes) -> None:
        if not self.ending:
            self.ending = why
            self._transport.write(frame)
            self.hub.closing.add(self)

    def _write(self, frame: bytes) -> None:
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > self.hub.patience.unsent_bytes:
            self.give_up("takes_too_little")

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
