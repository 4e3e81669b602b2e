"""The dashboard: an ASGI application that runs alone or beside the gateway in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from config.publisher import Publisher
from config.settings import DashboardSettings
from dashboard import drop_in
from dashboard.api import (
    api_keys,
    audit,
    document,
    events,
    invitations,
    members,
    messages,
    off_hours,
    projects,
    rotation_policies,
    rotations,
    sessions,
    sign_outs,
    signing_secrets,
    system,
    tokens,
    visitors,
)
from dashboard.errors import answer_errors
from dashboard.pages.error_pages import failure_page, show_errors
from dashboard.pages.routers import PAGE_ROUTERS
from dashboard.requests import RequestEdge
from dashboard.runtime import Runtime, open_runtime
from domain.own_tokens import OwnTokens, Purpose

_ROUTERS = [
    projects.router,
    signing_secrets.router,
    rotations.router,
    rotation_policies.router,
    off_hours.router,
    visitors.router,
    sign_outs.router,
    messages.router,
    events.router,
    sessions.router,
    tokens.router,
    audit.router,
    members.router,
    invitations.router,
    api_keys.router,
    system.router,
    document.router,
]
# Whatever telemetry is configured in the process, requests' bodies are nobody's business.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


class Dashboard:
    """An ASGI callable. Run alone, its lifespan starts and stops it; mounted, whoever mounts it."""

    def __init__(self, runtime: Runtime, app: FastAPI) -> None:
        self.runtime = runtime
        self.app = app
        app.router.lifespan_context = self._lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request has been answered."""
        await self.app(scope, receive, send)

    async def start(self) -> None:
        """Nothing that can be made beforehand is left to the first request."""
        await run_in_threadpool(document.document_of, self.app)

    async def stop(self) -> None:
        """Every connection to a store is closed."""
        await run_in_threadpool(self.runtime.close)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()


def make_dashboard(settings: DashboardSettings, publisher: Publisher | None = None) -> Dashboard:
    """A dashboard by these settings; its stores connect when they are first used.

    Args:
        settings: of this process.
        publisher: one that the process has already, and closes itself.
    """
    runtime = open_runtime(settings, publisher)
    return Dashboard(runtime, _make_app(runtime, settings))


def _make_app(runtime: Runtime, settings: DashboardSettings) -> FastAPI:
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry=_NO_TELEMETRY,
    )
    app.state.runtime = runtime
    app.state.routes = [route for router in _ROUTERS for route in router.routes]
    app.state.pages = [route for router in PAGE_ROUTERS for route in router.routes]
    app.state.member_tokens = OwnTokens(settings.session_key, Purpose.MEMBER)
    answer_errors(app)
    show_errors(app)
    app.add_middleware(RequestEdge, trusted_proxies=settings.trusted_proxies, as_page=failure_page)
    for router in (*_ROUTERS, *PAGE_ROUTERS, drop_in.router):
        app.include_router(router)
    return app
