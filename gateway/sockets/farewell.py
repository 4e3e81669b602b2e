"""The end of a connection that got its last HTTP response."""

import asyncio
from typing import Any

from gateway.sockets.hub import Hub


class Farewell(asyncio.Protocol):
    """Drops what still comes until the peer, having read our last words, closes.

    Closing TCP with input unread resets the connection, and the response may be lost with it.
    """

    __slots__ = ("_connections", "_hub", "_transport")

    def __init__(self, hub: Hub, connections: set[Any], transport: asyncio.Transport) -> None:
        self._hub = hub
        self._connections = connections
        self._transport = transport

    def say(self, last_words: bytes) -> None:
        """The words are on their way, and so is the end of our side."""
        self._connections.add(self)
        self._hub.closing.add(self)
        self._transport.set_protocol(self)
        self._transport.write(last_words)
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def give_up(self, why: str) -> None:  # noqa: ARG002
        """The peer has had its time."""
        self._transport.abort()

    def shutdown(self) -> None:
        """The process is stopping and has nothing more to say here."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Nothing holds the connection any more."""
        self._connections.discard(self)
        self._hub.closing.discard(self)
