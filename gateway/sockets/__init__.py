"""Widget sockets on uvicorn's port, with frames read by picows.

    sockets = make_protocol(accept, events, trusted_proxies=settings.trusted_proxies)
    uvicorn.Server(make_config(app, sockets, host="127.0.0.1", port=8400)).run()

HTTP stays ordinary ASGI (`app`); `GET /v1/socket` with an upgrade never reaches it.

* `accept(request)` decides on a well-formed request: `ACCEPTED`, `ORIGIN_REFUSED`, or an
  `UpgradeDecision` of its own with any HTTP status from 400; or a future of one (of the running
  loop), while which nothing more is read and the request's time limit runs on.
* `events(socket)` gives the listener of a socket just opened; it may already send or close.
* Path, method, HTTP version, Host, key, version, sub-protocol and `project` are checked before
  `accept` is asked (404, 400, 426, 431), frames and messages before `received` is (1007, 1009,
  4400); pings are answered here.
* At shutdown every socket gets 1012 and uvicorn waits for the peers, within
  `timeout_graceful_shutdown`; the application's own lifespan ends after that.

`make_config` joins two classes that belong together: what `make_protocol` makes, for `ws=`, and
`HttpProtocol` for `http=` (it bounds requests in size and time, and keeps frames that came
together with the upgrade, which uvicorn's own drops).
"""

from domain.client_addresses import client_address
from gateway.sockets.frames import close_frame
from gateway.sockets.http_protocol import HttpProtocol
from gateway.sockets.hub import Patience
from gateway.sockets.interface import (
    ACCEPTED,
    ORIGIN_REFUSED,
    Accept,
    MakeEvents,
    Socket,
    SocketEvents,
    UpgradeDecision,
    UpgradeRequest,
)
from gateway.sockets.server import make_config, make_protocol

__all__ = [
    "ACCEPTED",
    "ORIGIN_REFUSED",
    "Accept",
    "HttpProtocol",
    "MakeEvents",
    "Patience",
    "Socket",
    "SocketEvents",
    "UpgradeDecision",
    "UpgradeRequest",
    "client_address",
    "close_frame",
    "make_config",
    "make_protocol",
]
