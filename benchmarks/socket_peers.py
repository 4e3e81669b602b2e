"""Servers of sockets beside ours: a bare epoll loop, node `ws`, Socket.IO on its Redis adapter.

Each serves as many sockets to the same client, welcomes whoever says hello (the bare one only
upgrades) and closes them all when it is told to. All but Socket.IO are told directly; that is told
as ours is, through Redis by another process. They run on from one measurement to the next, so that
what node compiles while it runs is compiled.
"""

import socket
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from benchmarks.bare_server import TRIGGER
from benchmarks.children import Children
from benchmarks.dialects import BARE, OURS, SOCKET_IO
from benchmarks.fleet import Fleet
from benchmarks.peer_packages import install_node_packages
from benchmarks.revoked_node import SECRET_REVOKED, SETTLING_SECONDS, SOCKETS
from benchmarks.servers import overhear, start_redis
from cli.development.ports import LOOPBACK, free_port

_SOCKET_IO_PATH = "/socket.io/?EIO=4&transport=websocket"
_SOCKET_IO_CHANNEL = "socket.io-request#/#"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a peer. `closing` in seconds since it was told to."""

    connects_per_second: float
    closing: float


class SocketPeer(Protocol):
    """A server whose sockets are all closed, again and again."""

    name: str

    def measure(self) -> Run:
        """One run."""


class BareEpoll:
    """The floor."""

    name = "bare epoll"

    def __init__(self, children: Children) -> None:
        self._port = free_port()
        command = [sys.executable, "-m", "benchmarks.bare_server", str(self._port)]
        children.start("bare", command).until_ready()

    def measure(self) -> Run:
        """One run."""
        with (
            Fleet(self._port, "/", BARE) as fleet,
            socket.create_connection((LOOPBACK, self._port)) as trigger,
        ):
            connects = _open(fleet)
            began = time.monotonic()
            trigger.sendall(TRIGGER)
            closes = fleet.until_closed(SECRET_REVOKED)
            return Run(connects, max(closes.times) - began)


class NodeWs:
    """The package ws; its server knows its sockets, and nobody else does."""

    name = "node ws"

    def __init__(self, children: Children) -> None:
        self._port = free_port()
        program = str(install_node_packages() / "ws_server.mjs")
        command = ["node", program, str(self._port)]
        self._server = children.start("ws", command, talks=True).until_spoken()

    def measure(self) -> Run:
        """One run."""
        with Fleet(self._port, "/", OURS) as fleet:
            connects = _open(fleet)
            began = time.monotonic()
            self._server.tell("close")
            closes = fleet.until_closed(SECRET_REVOKED)
            return Run(connects, max(closes.times) - began)


class SocketIo:
    """Two nodes with the Redis adapter: one has the sockets, the other tells it to close them.

    It writes nothing about a socket to Redis; the adapter carries what nodes tell each other.
    """

    name = "Socket.IO"

    def __init__(self, children: Children) -> None:
        _, self._redis_port = start_redis(children, "socket-io-redis")
        program = str(install_node_packages() / "socket_io_server.mjs")
        self._port, other_port = free_port(), free_port()
        _, self._other = (
            children.start(
                f"socket-io-{port}", ["node", program, str(port), str(self._redis_port)], talks=True
            ).until_spoken()
            for port in (self._port, other_port)
        )

    def measure(self) -> Run:
        """One run."""
        with Fleet(self._port, _SOCKET_IO_PATH, SOCKET_IO) as fleet, self._overhear() as signals:
            connects = _open(fleet)
            self._other.tell("close")
            closes = fleet.until_closed(None, signals)
            return Run(connects, max(closes.times) - closes.overheard_at)

    def _overhear(self) -> AbstractContextManager[socket.socket]:
        return overhear(self._redis_port, _SOCKET_IO_CHANNEL)


def _open(fleet: Fleet) -> float:
    """All sockets are open and have settled; returns how many a second were."""
    took = fleet.open(SOCKETS)
    time.sleep(SETTLING_SECONDS)
    return SOCKETS / took
