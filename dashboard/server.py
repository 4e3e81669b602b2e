"""The dashboard as a process of its own."""

from typing import Any

from uvicorn import Config, Server

from config.settings import DashboardSettings
from dashboard.app import Dashboard, make_dashboard
from dashboard.http_protocol import BoundedHttpProtocol

GRACEFUL_SHUTDOWN_SECONDS = 6
# Connections and requests under way; the next is answered 503 at once.
MOST_AT_ONCE = 500


def run(settings: DashboardSettings, *, host: str, port: int, **options: Any) -> None:
    """The dashboard serves alone on this port until it is told to stop.

    Args:
        settings: of this process.
        host: the address to listen on.
        port: of this process alone.
        options: of `uvicorn.Config`.
    """
    Server(make_config(make_dashboard(settings), host=host, port=port, **options)).run()


def make_config(dashboard: Dashboard, **options: Any) -> Config:
    """The configuration of uvicorn for a dashboard alone.

    Request lines are logged by ourselves, without what a query may hold, and whose request it is
    is told by our own look at the proxies. Requests under way at the end are finished.

    Args:
        dashboard: its lifespan is uvicorn's business then.
        options: of `uvicorn.Config`; they win over what is set here.
    """
    settings: dict[str, Any] = {
        "loop": "uvloop",
        "http": BoundedHttpProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": MOST_AT_ONCE,
        "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN_SECONDS,
    }
    return Config(dashboard, **{**settings, **options})
