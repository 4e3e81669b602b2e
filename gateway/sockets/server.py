"""How uvicorn is told about our sockets."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from uvicorn.config import Config

from domain.client_addresses import Network
from gateway.sockets.connection import SocketConnection
from gateway.sockets.http_protocol import HttpProtocol
from gateway.sockets.hub import Hub, Patience, flooding_frame, restarting_frame
from gateway.sockets.interface import Accept, MakeEvents

GRACEFUL_SHUTDOWN_SECONDS: Final = 6
BACKLOG: Final = 4096


def make_protocol(
    accept: Accept,
    events: MakeEvents,
    *,
    trusted_proxies: Sequence[Network] = (),
    patience: Patience | None = None,
    restarting: Callable[[], bytes] = restarting_frame,
    flooding: Callable[[], bytes] = flooding_frame,
) -> type[SocketConnection]:
    """A class for uvicorn's `ws=`, to be used with `HttpProtocol` for its `http=`.

    Args:
        accept: decides on well-formed requests.
        events: makes the listener of each socket opened.
        trusted_proxies: whose X-Forwarded-For is believed.
        patience: how long peers may take.
        restarting: gives the close frame for one socket when the process stops.
        flooding: gives the close frame for one whose peer sends too many frames.
    """
    shared = Hub(
        accept=accept,
        events=events,
        trusted_proxies=tuple(trusted_proxies),
        patience=patience or Patience(),
        restarting=restarting,
        flooding=flooding,
    )

    class Connection(SocketConnection):
        __slots__ = ()
        hub = shared

    return Connection


def make_config(app: Any, sockets: type[SocketConnection], **options: Any) -> Config:
    """The configuration of uvicorn for an ASGI application with widget sockets beside it.

    The process must run one event loop and no further workers. Request lines are not logged (they
    may hold what is nobody's business), and uvicorn's own proxy headers are off: for HTTP, too,
    `client_address` tells whose request it is.

    Args:
        app: the ASGI application.
        sockets: what `make_protocol` made.
        options: of `uvicorn.Config`, such as host and port; they win over what is set here.
    """
    settings: dict[str, Any] = {
        "http": HttpProtocol,
        "ws": sockets,
        "loop": "uvloop",
        "backlog": BACKLOG,
        "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN_SECONDS,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "log_config": None,
    }
    return Config(app, **{**settings, **options})
