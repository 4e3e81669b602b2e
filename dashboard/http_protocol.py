"""uvicorn's HTTP protocol with bounds: how large a request's head may be, how long it may take.

The gateway has one of its own, which also decides on upgrades; neither imports the other.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_PIPELINED: Final = 16
LAST_WORDS_SECONDS: Final = 3.0


class HeadTooLarge(Exception):
    """Raised inside the parser to stop it."""


class TooManyPipelined(Exception):
    """Raised inside the parser to stop it."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """A request has to come whole, its body too, within some seconds; its head is of limited size.

    Few requests may wait for the answer to the one before them, and answers have to be taken. What
    is refused gets an error in JSON, as far as nothing else is being answered, and the end of the
    connection.
    """

    request_seconds = 10.0
    paused_seconds = 10.0
    _head_bytes = 0
    _in_head = True
    _is_over = False
    _is_too_large = False
    _deadline: asyncio.TimerHandle | None = None
    _paused: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The peer owes us a request."""
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing waits for the connection any more."""
        self._stop_waiting()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer takes less than it asked for: it has some seconds."""
        super().pause_writing()
        self._bound_taking()

    def resume_writing(self) -> None:
        """The peer has caught up; of a connection that is closing, it takes the rest in time."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._taken()

    def on_response_complete(self) -> None:
        """The answer is on its way, and if it is the last, it has to be taken in time."""
        super().on_response_complete()
        self._bound_closing()

    def timeout_keep_alive_handler(self) -> None:
        """The connection ends; what is unsent has to be taken in time."""
        super().timeout_keep_alive_handler()
        self._bound_closing()

    def data_received(self, data: bytes) -> None:
        """What is whole in the data is on its way to the application, or refused."""
        if self._is_over:
            return
        if self._in_head:
            self._head_bytes += len(data)
        if self._deadline is None and not self._is_answering():
            self._expect_request()  # line ends between requests begin none
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """Another request begins, and its time runs."""
        super().on_message_begin()
        self._in_head = True
        self._expect_request()

    def on_headers_complete(self) -> None:
        """The head is within its limit, and so is the number of those who wait.

        Raises:
            HeadTooLarge: it is not.
            TooManyPipelined: it is not.
        """
        if len(self.pipeline) >= MAX_PIPELINED:
            raise TooManyPipelined
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            self._is_too_large = True
            raise HeadTooLarge
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - says less than ours
        """What the parser did not take is refused."""
        if self._is_too_large:
            self._refuse_head()
        else:
            message = "This is no valid HTTP request."
            self._refuse(HTTPStatus.BAD_REQUEST, "bad_request", message)

    def _expect_request(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.request_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _bound_closing(self) -> None:
        if self.transport.is_closing():
            self._bound_taking()

    def _bound_taking(self) -> None:
        if self._paused is None:
            self._paused = self.loop.call_later(self.paused_seconds, self.transport.abort)

    def _taken(self) -> None:
        if self._paused:
            self._paused.cancel()
            self._paused = None

    def _give_up(self) -> None:
        """The request was not there in time. If its body is missing, it may have an answer."""
        if self._in_head:
            message = "The request did not come in time."
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)
        else:
            self._is_over = True
            self.transport.abort()

    def _refuse_head(self) -> None:
        message = f"Request line and headers may have {MAX_HEAD_BYTES} bytes."
        too_large = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self._refuse(too_large, "headers_too_large", message)

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        """The last words are written; whoever does not hang up then is cut off.

        Closing at once, with input unread, could reset the connection before they are read.
        """
        if self._is_over:
            return
        self._is_over = True
        self._stop_waiting()
        if self._is_answering():
            self.transport.abort()  # a second answer would run into the one under way
            return
        self.transport.write(_last_words(status, code, message))
        self.transport.write_eof()
        self._deadline = self.loop.call_later(LAST_WORDS_SECONDS, self.transport.abort)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def _last_words(status: HTTPStatus, code: str, message: str) -> bytes:
    body = json.dumps({"error": {"code": code, "message": message, "details": {}}})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "connection: close",
    )
    return "\r\n".join((*head, "", body)).encode("ascii")
