"""The edge that every request passes: its id, its log line, its bounds, its last resort."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.setting_values import Network
from dashboard.errors import error_response
from domain.client_addresses import client_address
from domain.ids import UUID7_RANDOM_BYTES, uuid7

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 64 * 1024
_SCOPE_KEY = "widget_auth.request"
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(slots=True)
class RequestFacts:
    """What is known of a request so far; `route` is the template, never the path itself."""

    request_id: str
    address: str
    began: float = field(default_factory=time.perf_counter)
    route: str = "unmatched"
    actor: str | None = None
    status: int | None = None


def facts_of(scope: Scope) -> RequestFacts:
    """The facts of the request that has this scope."""
    facts: RequestFacts = scope[_SCOPE_KEY]
    return facts


class RequestEdge:
    """Wraps an ASGI application. Whatever happens inside, an answer and one log line come out.

    Args:
        app: the application.
        trusted_proxies: whose word about a client's address counts.
        as_page: an error's answer as a page for those who want to read it, else None.
    """

    def __init__(
        self,
        app: ASGIApp,
        trusted_proxies: tuple[Network, ...] = (),
        as_page: Callable[[Scope, Response], Response | None] = lambda _scope, _answer: None,
    ) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._as_page = as_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request has been answered and logged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts = scope[_SCOPE_KEY] = self._facts(scope)
        with structlog.contextvars.bound_contextvars(request_id=facts.request_id):
            try:
                await self._answer(scope, receive, send, facts)
            finally:
                _log_answer(scope["method"], facts)

    def _facts(self, scope: Scope) -> RequestFacts:
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded_for = Headers(scope=scope).getlist("x-forwarded-for")
        address = client_address(peer, forwarded_for, self._trusted_proxies)
        request_id = uuid7(datetime.now(UTC), os.urandom(UUID7_RANDOM_BYTES))
        return RequestFacts(request_id, address)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, facts: RequestFacts
    ) -> None:
        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts.status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = facts.request_id
            await send(message)

        try:
            await self._app(scope, _bounded(scope, receive), send_noting)
        except Exception:
            log.exception("request_failed", method=scope["method"], route=facts.route)
            if facts.status is None:
                answer = error_response(
                    500,
                    "internal_error",
                    "Something went wrong here; the log tells more under this request id.",
                    {"request_id": facts.request_id},
                )
                await (self._as_page(scope, answer) or answer)(scope, receive, send_noting)


def _bounded(scope: Scope, receive: Receive) -> Receive:
    declared = Headers(scope=scope).get("content-length", "")
    left = MAX_BODY_BYTES

    async def receive_bounded() -> Message:
        nonlocal left
        if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            raise HTTPException(413)
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return receive_bounded


def _log_answer(method: str, facts: RequestFacts) -> None:
    log.info(
        "request_answered",
        method=method,
        route=facts.route,
        status=facts.status,
        ms=round((time.perf_counter() - facts.began) * 1000, 1),
        actor=facts.actor,
    )
