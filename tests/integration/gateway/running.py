"""A gateway on a port of its own, and widgets that speak to it."""

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from domain.ids import NodeId
from gateway.app import Gateway
from gateway.sockets import make_config
from tests.published.witness import WITNESS
from tests.waiting import SECONDS, wait_until

DEADLINE_SECONDS = SECONDS
STOP_SECONDS = 60.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Frame = dict[str, Any]


class Widget:
    """A widget, played by an independent client library."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, text: str | Frame) -> None:
        """A frame has been sent."""
        said = text if isinstance(text, str) else json.dumps(text)
        WITNESS.sent(said)
        self.connection.send(said)

    def hear(self, timeout: float = DEADLINE_SECONDS) -> Frame:
        """The next frame."""
        text = self.connection.recv(timeout)
        WITNESS.received(text)
        frame: Frame = json.loads(text)
        return frame

    def hello(self, device: str | None = None) -> Frame:
        """The welcome."""
        self.say({"type": "hello", "device": device})
        welcome = self.hear()
        assert welcome["type"] == "welcome", welcome
        return welcome

    def sign_in(self, token: str, frame_id: str = "1") -> Frame:
        """The answer to a sign-in."""
        self.say({"type": "sign_in", "id": frame_id, "token": token})
        return self.hear()

    def sign_out(self, frame_id: str = "out") -> Frame:
        """The answer to a sign-out."""
        self.say({"type": "sign_out", "id": frame_id})
        return self.hear()

    def is_answering(self) -> bool:
        """Whether the socket stands: a ping has its pong."""
        self.say({"type": "ping"})
        return self.hear() == {"type": "pong"}

    def _pass_over(self, types: Collection[str], timeout: float) -> None:
        while self.hear(timeout)["type"] in types:
            pass

    def close_reason(
        self, timeout: float = DEADLINE_SECONDS, passing_over: Collection[str] = ()
    ) -> tuple[int, Frame]:
        """Code and reason of the close that comes next, after frames of these types at most."""
        with pytest.raises(ConnectionClosed) as closed:
            self._pass_over(passing_over, timeout)
        received = closed.value.rcvd
        assert received is not None
        WITNESS.closed(received.code, received.reason)
        return received.code, json.loads(received.reason)


class Server(uvicorn.Server):
    """Looks ten times as often whether it is to stop: there are many in a test run."""

    async def main_loop(self) -> None:
        """It has been told to stop."""
        while not await self.on_tick(0):
            await asyncio.sleep(0.01)


class RunningGateway:
    """A gateway that serves on a thread of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        config = make_config(gateway.asgi, gateway.websocket_protocol, lifespan="on")
        self._server = Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started, "a gateway that serves")

    @property
    def node_id(self) -> NodeId:
        """The id of this run."""
        assert self._gateway._node is not None
        return self._gateway._node.node_id

    @property
    def trusted_until(self) -> float:
        """How long it may act on its lease, in monotonic seconds."""
        assert self._gateway._node is not None
        return self._gateway._node.context.lease.trusted_until

    @contextmanager
    def widget(self, project_id: str, **options: Any) -> Iterator[Widget]:
        """A widget that has connected."""
        with connect(
            f"ws://127.0.0.1:{self.port}/v1/socket?project={project_id}",
            subprotocols=["widget-auth.v1"],  # type: ignore[list-item]
            proxy=None,
            compression=None,
            open_timeout=DEADLINE_SECONDS,
            ping_timeout=None,
            **options,
        ) as connection:
            yield Widget(connection)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an HTTP page."""
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with _NO_PROXY.open(url, timeout=DEADLINE_SECONDS) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def figure(self, line: str) -> float:
        """One figure of the metrics, by its name and labels as they are written there."""
        for found in self.get("/metrics")[1].decode().splitlines():
            if found.startswith(f"widget_auth_gateway_{line} "):
                return float(found.rpartition(" ")[2])
        return 0.0

    def let_messages_live(self) -> None:
        """Those that leave from now on expire within no test."""
        assert self._gateway._node is not None
        node = self._gateway._node.context
        for driver in (node.verifications, node.sign_outs, node.messages):
            driver.lane.bounds = replace(driver.lane.bounds, expires_seconds=STOP_SECONDS)

    def stop_gateway(self) -> None:
        """The gateway has stopped while its server still runs, as beside another application."""
        asyncio.run_coroutine_threadsafe(self._gateway.stop(), self._loop).result(STOP_SECONDS)

    def stop(self) -> None:
        """It has stopped as on SIGTERM."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        assert not self._thread.is_alive()

    def _serve(self, listener: socket.socket) -> None:
        with (
            listener,
            asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner,
        ):
            self._loop = runner.get_loop()
            runner.run(self._server.serve(sockets=[listener]))
