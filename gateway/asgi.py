"""The gateway's HTTP: its life, its readiness, its figures, and the drop-in endpoints."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST

from gateway import drop_in, widget_files

log = structlog.get_logger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON = b"application/json"


class Operated(Protocol):
    """What is asked and told to start and stop."""

    async def start(self) -> None:
        """It serves."""

    async def stop(self) -> None:
        """It does not."""

    @property
    def is_ready(self) -> bool:
        """Whether it can do its work now."""

    def render_metrics(self) -> bytes:
        """Its figures in Prometheus' text format."""


class GatewayApp:
    """An ASGI application; its lifespan starts and stops the gateway."""

    def __init__(self, gateway: Operated, signing_in: drop_in.DropIn) -> None:
        self._gateway = gateway
        self._signing_in = signing_in
        self._widget = widget_files.WidgetFile()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"] in drop_in.PATHS:
            await self._signing_in(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == widget_files.PATH:
            await self._widget(scope, receive, send)
        elif scope["type"] == "http":
            status, kind, body, headers = self._respond(scope["method"], scope["path"])
            await _send_response(send, status, kind, body, headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._gateway.start()
        except Exception as error:
            log.exception("gateway_not_started")
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._gateway.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _respond(
        self, method: str, path: str
    ) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        if path not in {"/healthz", "/readyz", "/metrics"}:
            return 404, _JSON, _error("not_found", "There is no such page."), []
        if method not in {"GET", "HEAD"}:
            message = "This page is only read."
            return 405, _JSON, _error("method_not_allowed", message), [(b"allow", b"GET, HEAD")]
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST.encode(), self._gateway.render_metrics(), []
        if path == "/readyz" and not self._gateway.is_ready:
            return 503, _JSON, b'{"ready":false}', []
        return 200, _JSON, b'{"ready":true}' if path == "/readyz" else b'{"alive":true}', []


def _error(code: str, message: str) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "details": {}}})


async def _send_response(
    send: Send, status: int, kind: bytes, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    own = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": own + headers})
    await send({"type": "http.response.body", "body": body})
