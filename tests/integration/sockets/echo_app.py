"""A process with sockets and a little HTTP, for the tests and for measuring.

Usage: python -m tests.integration.sockets.echo_app [--patience S] [--frames N] [--loop NAME]

It prints `ready <port>`. What a widget sends is sent back, but for a few words (see `Echo`).
`GET /state` tells what is known of the sockets, `GET /close` closes them all with 4401, `GET /slow`
takes its time, `GET /large` answers more than a peer takes unread, `GET /fill` just so much. The
process ends with its standard input, so with whoever started it.
"""

import argparse
import asyncio
import gc
import json
import os
import socket
import sys
import time
from collections import Counter
from ipaddress import ip_network
from threading import Thread
from typing import Any

import uvicorn

from config.logs import configure_logs
from gateway.sockets import (
    ACCEPTED,
    ORIGIN_REFUSED,
    Patience,
    Socket,
    UpgradeDecision,
    UpgradeRequest,
    close_frame,
    make_config,
    make_protocol,
)
from gateway.sockets.connection import SocketConnection
from gateway.sockets.farewell import Farewell
from gateway.sockets.http_protocol import HttpProtocol
from gateway.sockets.reader import FrameReader

BACKLOG = 4096
REVOKED = close_frame(4401, b'{"code":"secret_revoked","retry_after_ms":100}')


class Sockets:
    """All sockets of this process, and what became of those that were."""

    def __init__(self) -> None:
        self.live: set[Echo] = set()
        self.opened = 0
        self.endings: Counter[str] = Counter()
        self.received: Counter[str] = Counter()

    def state(self) -> dict[str, Any]:
        """Everything, as JSON."""
        now = time.monotonic()
        silences = [now - echo.widget.last_received for echo in self.live]
        return {
            "live": len(self.live),
            "opened": self.opened,
            "endings": dict(self.endings),
            "received": dict(self.received),
            "silence": max(silences, default=0.0),
        }


SOCKETS = Sockets()


class Echo:
    """Sends back what it gets, but for a few words.

    `boom` raises, `close` closes, `who` tells, `flood N` sends N times 10 kB, `fill` as much as
    makes the socket wait for its peer.
    """

    def __init__(self, widget: Socket) -> None:
        self.widget = widget
        SOCKETS.opened += 1
        if widget.project_id == "breaks":
            raise RuntimeError("no listener for this one")
        SOCKETS.live.add(self)
        if widget.project_id == "greets":
            widget.send(b"welcome")
        if widget.project_id == "full":
            widget.close(close_frame(4429, b'{"code":"too_many_requests"}'))

    def received(self, text: bytes) -> None:
        """One message."""
        word = text.decode()
        SOCKETS.received[word[:20]] += 1
        if word == "boom":
            raise ValueError(f"a secret: {text!r}")
        if word == "close":
            self.widget.close(REVOKED)
            self.widget.send(b"never seen")
        elif word.startswith("flood "):
            self._flood(int(word.split()[1]))
        elif word == "fill":
            self._fill()
        else:
            self.widget.send(self._who() if word == "who" else text)

    def closed(self) -> None:
        """The end."""
        SOCKETS.live.remove(self)  # a second call raises, and the ending is counted wrongly
        assert not self.widget.is_open
        SOCKETS.endings[self.widget.ending] += 1
        if self.widget.project_id == "mourns":
            raise ValueError("closed, too, may fail")

    def _who(self) -> bytes:
        facts = {name: getattr(self.widget, name) for name in ("project_id", "address", "origin")}
        return json.dumps(facts).encode()

    def _flood(self, count: int) -> None:
        for _ in range(count):
            self.widget.send(b"x" * 10_000)

    def _fill(self) -> None:
        connection: Any = self.widget
        while connection._transport.get_write_buffer_size() < 100_000:
            self.widget.send(b"x" * 10_000)


def accept(request: UpgradeRequest) -> UpgradeDecision | asyncio.Future[UpgradeDecision]:
    """Origins are as good as their names; some projects take their time."""
    if request.project_id == "fails":
        raise ValueError("no decision")
    decision = ORIGIN_REFUSED if request.origin == "https://evil.example" else ACCEPTED
    if request.project_id not in {"slow", "never", "fails-late", "withdrawn"}:
        return decision
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[UpgradeDecision] = loop.create_future()
    if request.project_id == "slow":
        loop.call_later(0.05, answer.set_result, decision)
    elif request.project_id == "fails-late":
        loop.call_later(0.01, answer.set_exception, ValueError("no decision"))
    elif request.project_id == "withdrawn":
        loop.call_later(0.01, answer.cancel)
    return answer


class App:
    """The ASGI side."""

    server: uvicorn.Server
    sockets: type[SocketConnection]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers every path."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["path"] == "/close":
            for echo in list(SOCKETS.live):
                echo.widget.close(REVOKED)
        if scope["path"] == "/slow":
            await asyncio.sleep(0.3)
        body = json.dumps(SOCKETS.state() | self._held()).encode()
        if scope["path"] == "/fill":
            await self._fill(send)
            return
        if scope["path"] == "/large":
            body += b" " * 16_000_000
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _held(self) -> dict[str, Any]:
        """What the process holds for connections, this request's own among them."""
        hub = self.sockets.hub
        kinds = (SocketConnection, FrameReader, HttpProtocol, Farewell)
        return {
            "connections": len(self.server.server_state.connections),
            "unsent": self._unsent(),
            "awaited": len(hub.requests) + len(hub.closing) + len(hub.paused),
            "objects": sum(isinstance(thing, kinds) for thing in gc.get_objects()),
        }

    async def _fill(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self._unsent():
            body = b"x" * 30_000
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    def _unsent(self) -> int:
        transports = [
            getattr(one, "transport", None) for one in self.server.server_state.connections
        ]
        return sum(one.get_write_buffer_size() for one in transports if one)

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.shutdown":
                print("ended", json.dumps(SOCKETS.state()), flush=True)  # noqa: T201
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


def main() -> None:
    """Serves until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patience", type=float)
    parser.add_argument("--frames", type=int, default=Patience().frames_per_minute)
    parser.add_argument("--loop", default="uvloop")
    options = parser.parse_args()
    patience = Patience(frames_per_minute=options.frames)
    if options.patience is not None:
        seconds = (options.patience,) * 3
        patience = Patience(*seconds, frames_per_minute=options.frames)
    sockets = make_protocol(
        accept, Echo, trusted_proxies=[ip_network("127.0.0.0/8")], patience=patience
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(BACKLOG)
    app = App()
    app.sockets = sockets
    app.server = uvicorn.Server(make_config(app, sockets, loop=options.loop))
    configure_logs()
    gc.disable()  # what is not freed by itself shall be seen
    Thread(target=_end_with_input, daemon=True).start()
    print("ready", listener.getsockname()[1], flush=True)  # noqa: T201
    app.server.run(sockets=[listener])


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
