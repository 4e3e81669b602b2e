"""Two ASGI applications behind one port, as a proxy would put them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

GATEWAY_PATHS = frozenset(
    {
        "/v1/socket",
        "/healthz",
        "/readyz",
        "/metrics",
        "/auth/signinWithCustomToken",
        "/auth/signinAnonymously",
    }
)
GATEWAY_FOLDER = "/widget/"


class StartedAndStopped(Protocol):
    """What this process starts before it serves and stops afterwards."""

    async def start(self) -> None:
        """It serves."""

    async def stop(self) -> None:
        """It does not."""


class OnePort:
    """An ASGI application: the gateway's paths are the gateway's, all others the dashboard's.

    Its lifespan is the dashboard's, with the gateway started before and stopped after it.
    """

    def __init__(
        self, gateway: StartedAndStopped, gateway_http: Application, dashboard: Application
    ) -> None:
        self._gateway = gateway
        self._gateway_http = gateway_http
        self._dashboard = dashboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request has been answered by whose it is; or the lifespan has ended."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif is_the_gateways(scope["path"]):
            await self._gateway_http(scope, receive, send)
        else:
            await self._dashboard(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_stopped(message: Message) -> None:
            # uvicorn ends the event loop with this message, so it comes last.
            if message["type"] != "lifespan.startup.complete":
                await self._gateway.stop()
            await send(message)

        await self._gateway.start()
        await self._dashboard(scope, receive, send_stopped)


def is_the_gateways(path: str) -> bool:
    """Whether a request for this path is one of the gateway's."""
    return path in GATEWAY_PATHS or path.startswith(GATEWAY_FOLDER)
