"""A TCP proxy between any two processes, which can be told to disturb what passes through it.

It only carries bytes: a delayed or swallowed byte is never a changed one, and a black hole that
ends lets everything through that was held, as a network does that retransmits.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self, TypeVar

CHUNK = 64 * 1024
SECONDS = 60.0
_RESET = struct.pack("ii", 1, 0)
_SUBSCRIBE = b"SUBSCRIBE"

T = TypeVar("T")


class Way(Enum):
    """Which way bytes travel."""

    ASKED = "from the client"
    ANSWERED = "from the server"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to bytes.

    Attributes:
        delay_seconds: every chunk arrives so much later, in order.
        hole: nothing arrives until the rule is lifted; then all of it does.
        reset: every connection is reset, old and new.
        hold_answers: like a hole, for answers of connections that never subscribed.
        lose: a chunk from the server that contains this is swallowed for good.
    """

    delay_seconds: float = 0.0
    hole: bool = False
    reset: bool = False
    hold_answers: bool = False
    lose: bytes | None = None


PASSING = Rule()


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    subscribed: bool = False
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def reset(self) -> None:
        """Both ends see a reset."""
        for writer in filter(None, (self.client, self.server)):
            _abort(writer)


class Link:
    """One way through the proxy, from its own port to one server's. Change it by `obey`."""

    def __init__(self, proxy: "Proxy", name: str, target: int) -> None:
        self.name = name
        self.port = 0
        self.carried = 0
        self.lost = 0
        self._proxy = proxy
        self._target = target
        self._rule = PASSING
        self._changed = asyncio.Event()
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None

    def obey(self, rule: Rule) -> None:
        """The rule holds for every byte from now on."""
        self._proxy.call(self._obey, rule)

    def lift(self) -> None:
        """Bytes pass, those that were held too."""
        self.obey(PASSING)

    def lead_to(self, target: int) -> None:
        """Whoever connects from now on reaches that port; the connections so far are reset."""
        self._proxy.call(self._lead_to, target)

    async def open(self) -> None:
        """It listens."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Nothing passes any more."""
        if self._listener:
            self._listener.close()
        for connection in list(self._connections):
            for task in connection.tasks:
                task.cancel()
            connection.reset()

    def _obey(self, rule: Rule) -> None:
        self._rule = rule
        self._changed.set()
        self._changed = asyncio.Event()
        if rule.reset:
            for connection in self._connections:
                connection.reset()

    def _lead_to(self, target: int) -> None:
        self._target = target
        for connection in self._connections:
            connection.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            await self._carry(connection, reader)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            connection.reset()

    async def _carry(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        if self._rule.reset:
            return
        while self._rule.hole:
            await self._changed.wait()
        back, connection.server = await asyncio.open_connection("127.0.0.1", self._target)
        pumps = ((reader, connection.server, Way.ASKED), (back, connection.client, Way.ANSWERED))
        connection.tasks = [asyncio.create_task(self._pump(connection, *pump)) for pump in pumps]
        await asyncio.wait(connection.tasks)

    async def _pump(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: Way,
    ) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                if way is Way.ASKED and _SUBSCRIBE in chunk:
                    connection.subscribed = True
                if self._rule.delay_seconds:
                    await asyncio.sleep(self._rule.delay_seconds)
                while self._holds(connection, way):
                    await self._changed.wait()
                if way is Way.ANSWERED and self._rule.lose and self._rule.lose in chunk:
                    self.lost += len(chunk)
                    continue
                writer.write(chunk)
                self.carried += len(chunk)
                await writer.drain()
            writer.write_eof()
        except OSError:
            connection.reset()  # one end has vanished: the other must not wait for it in silence

    def _holds(self, connection: _Connection, way: Way) -> bool:
        answers = self._rule.hold_answers and way is Way.ANSWERED and not connection.subscribed
        return self._rule.hole or answers


class Proxy:
    """Links on an event loop of their own thread, so that a busy test disturbs none of them."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for link in self.links.values():
            self._wait(link.close())
        self._wait(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def link(self, name: str, target: int) -> Link:
        """A new way to a port of this machine."""
        link = Link(self, name, target)
        self._wait(link.open())
        self.links[name] = link
        return link

    def call(self, work: Callable[..., None], *arguments: object) -> None:
        """The work is done on the proxy's loop, and finished."""

        async def done() -> None:
            work(*arguments)

        self._wait(done())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)


async def _settle() -> None:
    """Connections that were reset have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=1.0)


def _abort(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    with suppress(OSError):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
