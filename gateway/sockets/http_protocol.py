"""uvicorn's HTTP protocol with bounds of size and time, and with our way of upgrading."""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from domain.client_addresses import client_address
from gateway.sockets.connection import SocketConnection
from gateway.sockets.failures import log_failure
from gateway.sockets.farewell import Farewell
from gateway.sockets.handshake import (
    Handshake,
    HandshakeRefused,
    RequestHead,
    read_handshake,
    refusal_response,
)
from gateway.sockets.hub import Hub
from gateway.sockets.interface import UpgradeDecision, UpgradeRequest

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_PIPELINED: Final = 16

_MALFORMED = UpgradeDecision(
    HTTPStatus.BAD_REQUEST, "bad_request", "This is no valid HTTP request."
)
_HEAD_TOO_LARGE = UpgradeDecision(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers_too_large",
    f"Request line and headers may have {MAX_HEAD_BYTES} bytes.",
)
_LATE = UpgradeDecision(
    HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request did not come in time."
)
_UNDECIDED = UpgradeDecision(
    HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "This cannot be decided now; try again."
)
_STOPPING = UpgradeDecision(
    HTTPStatus.SERVICE_UNAVAILABLE, "restarting", "This server is stopping; try again."
)
_FAILED = UpgradeDecision(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong here."
)


class _HeadTooLarge(Exception):
    """Raised inside the parser to stop it."""


class _TooManyPipelined(Exception):
    """Raised inside the parser to stop it; as others are being answered, nothing can be said."""


class HttpProtocol(HttpToolsProtocol):
    """HTTP for the ASGI application, and requests for sockets answered here.

    A request has to come whole within the hub's patience; request line and headers have a size
    limit; what cannot be answered otherwise gets a JSON error and the end of the connection. Few
    requests may wait for the answer to the one before them, and answers have to be taken.
    """

    _head_bytes = 0
    _in_head = True
    _is_upgrade = False
    _undecided = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The peer owes us a request."""
        super().connection_made(transport)
        self._hub.requests.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing holds the connection any more."""
        super().connection_lost(exc)
        self._hub.requests.discard(self)
        self._hub.paused.discard(self)

    def pause_writing(self) -> None:
        """The peer takes less than it asked for: it has some seconds."""
        super().pause_writing()
        self._hub.paused.add(self)

    def resume_writing(self) -> None:
        """The peer has caught up; of a connection that is closing, it takes the rest in time."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._hub.paused.discard(self)

    def on_response_complete(self) -> None:
        """The answer is on its way, and if it is the last, it has to be taken in time."""
        super().on_response_complete()
        self._bound_closing()

    def timeout_keep_alive_handler(self) -> None:
        """The connection ends; what is unsent has to be taken in time."""
        super().timeout_keep_alive_handler()
        self._bound_closing()

    def data_received(self, data: bytes) -> None:
        """What is whole in the data is on its way to the application or answered."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
            self._hub.requests.add(self)  # line ends between requests begin none
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._answer_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            too_large = isinstance(error.__context__, _HeadTooLarge)
            self._refuse(_HEAD_TOO_LARGE if too_large else _MALFORMED)
        else:
            if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Another request begins, and its time runs."""
        super().on_message_begin()
        self._in_head = True
        self._hub.requests.add(self)

    def on_headers_complete(self) -> None:
        """The headers are within their limit, and so is the number of those who wait.

        Raises:
            _HeadTooLarge: they are not.
            _TooManyPipelined: it is not.
        """
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyPipelined
        self._in_head = False
        self._head_bytes = 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            raise _HeadTooLarge
        self._is_upgrade = _asks_for_socket(self.headers)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._hub.requests.discard(self)
        super().on_message_complete()

    def give_up(self, why: str) -> None:  # noqa: ARG002
        """The request, or the decision on it, was not there in time, or an answer not taken."""
        if self._undecided:
            self._refuse(_UNDECIDED)
        elif self._in_head and not (self.flow.write_paused or self.transport.is_closing()):
            self._refuse(_LATE)
        else:
            # The application may have answered already: the body never ends, say.
            self.transport.abort()

    def _bound_closing(self) -> None:
        if self.transport.is_closing():
            self._hub.paused.add(self)

    @property
    def _hub(self) -> Hub:
        return self._sockets.hub

    @property
    def _sockets(self) -> type[SocketConnection]:
        sockets: Any = self.ws_protocol_class
        return sockets  # type: ignore[no-any-return]

    def _should_upgrade(self) -> bool:
        return self._is_upgrade

    def _answer_upgrade(self, tail: bytes) -> None:
        if self._is_answering():
            self._refuse(_MALFORMED)
            return
        try:
            handshake = read_handshake(self._head())
        except HandshakeRefused as refused:
            self._refuse(refused.decision)
        except httptools.HttpParserInvalidURLError:
            self._refuse(_MALFORMED)
        else:
            self._ask(handshake, tail)

    def _head(self) -> RequestHead:
        url = httptools.parse_url(self.url)
        return RequestHead(
            method=self.scope["method"],
            http_version=self.scope["http_version"],
            path=url.path or b"",
            query=url.query or b"",
            headers=self.headers,
        )

    def _ask(self, handshake: Handshake, tail: bytes) -> None:
        peer = self.client[0] if self.client else ""
        trusted = self._hub.trusted_proxies
        request = UpgradeRequest(
            project_id=handshake.project_id,
            address=client_address(peer, handshake.forwarded_for, trusted),
            origin=handshake.origin,
        )
        enter = partial(self._enter, request, handshake.key, tail)
        try:
            decision = self._hub.accept(request)
        except Exception as failure:  # noqa: BLE001  # it is this request's alone
            log_failure("accept", failure)
            decision = _FAILED
        if isinstance(decision, UpgradeDecision):
            enter(decision)
        else:
            self._wait_for(decision, enter)

    def _wait_for(
        self,
        decision: asyncio.Future[UpgradeDecision],
        enter: Callable[[UpgradeDecision], None],
    ) -> None:
        self._undecided = True
        self.transport.pause_reading()
        self._hub.requests.add(self)
        decision.add_done_callback(partial(self._decided, enter))

    def _decided(
        self,
        enter: Callable[[UpgradeDecision], None],
        decision: asyncio.Future[UpgradeDecision],
    ) -> None:
        outcome = _outcome(decision)
        if self._undecided and not self.transport.is_closing():
            enter(outcome)

    def _enter(
        self, request: UpgradeRequest, key: bytes, tail: bytes, decision: UpgradeDecision
    ) -> None:
        if decision.accepted and self._hub.stopping:
            self._refuse(_STOPPING)
        elif decision.accepted:
            connection = self._sockets(self.config, self.server_state, self.app_state)
            self._leave()
            connection.open(self.transport, request, key, tail)
        else:
            self._refuse(decision)

    def _refuse(self, decision: UpgradeDecision) -> None:
        answering = self._is_answering()
        self._leave()
        if answering:
            # A second answer would run into the one under way.
            self.transport.abort()
        else:
            last_words = refusal_response(decision)
            Farewell(self._hub, self.connections, self.transport).say(last_words)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _leave(self) -> None:
        """The transport is another's from here on; without the parser, nothing keeps this alive."""
        self.connections.discard(self)
        self._hub.requests.discard(self)
        self._hub.paused.discard(self)
        self.parser = None  # type: ignore[assignment]  # as uvicorn does in the end
        if self._undecided:
            self._undecided = False
            self.transport.resume_reading()


def _asks_for_socket(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether both headers say so, each of which may be a list and come more than once."""
    protocols = b",".join(value for name, value in headers if name == b"upgrade")
    if not protocols or b"websocket" not in _tokens(protocols):
        return False
    options = b",".join(value for name, value in headers if name == b"connection")
    return b"upgrade" in _tokens(options)


def _tokens(value: bytes) -> set[bytes]:
    return {token.strip() for token in value.lower().split(b",")}


def _outcome(decision: asyncio.Future[UpgradeDecision]) -> UpgradeDecision:
    if decision.cancelled():
        return _UNDECIDED
    failure = decision.exception()
    if failure is not None:
        log_failure("accept", failure)
        return _FAILED
    return decision.result()
