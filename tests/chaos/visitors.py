"""Widgets that sign in, speak and stay while everything fails around them."""

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.chaos.history import LOST, SIGNED_IN, Attempt, History, Regenerate, Said, SocketLife
from tests.chaos.system import GATEWAYS, ChaosSystem

OPEN_SECONDS = 20.0
ANSWER_SECONDS = 8.0
PING_SECONDS = 0.2
ABNORMAL = 1006
ANONYMOUS, WITH_OLD_TOKENS = 0.15, 0.35
NAMING_THE_KEY = 0.5
LIMITS = {"connects_per_address": 1_000_000, "sign_ins_per_socket": 100_000}


class Gone(Exception):
    """The socket is closed, or never opened."""


@dataclass
class Project:
    """A project with every secret that its site was ever shown, newest last."""

    system: ChaosSystem
    history: History
    id: str = ""
    secrets: list[tuple[str, str]] = field(default_factory=list)

    async def create(self, name: str) -> None:
        """It exists, and has its first secret."""
        async with self.system.admin() as admin:
            body = {"name": name, "time_zone": "UTC"}
            self.id = (await admin.post("/projects", json=body)).json()["id"]
            answer = await admin.patch(f"/projects/{self.id}", json={"limits": LIMITS})
            assert answer.status_code == 200, answer.text
        assert await self.regenerate()

    async def regenerate(self) -> bool:
        """Whether it was answered; then the site signs with the new secret."""
        entry = Regenerate(self.id, time.monotonic())
        self.history.regenerates.append(entry)
        try:
            async with self.system.admin() as admin:
                answer = await admin.post(f"/projects/{self.id}/secrets", json={})
            body = answer.json()
            entry.key_id = body["key_id"]
            entry.rotation_id = (body["rotation"] or {}).get("id")
            entry.answered_at = time.monotonic()
            self.secrets.append((body["key_id"], body["secret"]))
        except (httpx.HTTPError, KeyError, ValueError) as error:
            entry.failure = repr(error)
        return entry.answered_at is not None

    def token(self, custom_id: str, back: int = 0, *, named: bool = False) -> tuple[str, str]:
        """A key's id and a token signed with it: the newest key, or so many before it."""
        key_id, secret = self.secrets[max(0, len(self.secrets) - 1 - back)]
        now = int(time.time())
        claims = {"external_id": custom_id, "iat": now, "exp": now + 300}
        headers = {"kid": key_id} if named else None
        return key_id, jwt.encode(claims, secret, algorithm="HS256", headers=headers)


class Visitor:
    """One socket that has been welcomed; everything it sees is in the history."""

    def __init__(self, project: Project, gateway: str, socket: ClientConnection) -> None:
        self._project = project
        self._history = project.history
        self._gateway = gateway
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._pings: list[float] = []
        self.life = SocketLife(project.id, gateway, "", 0.0)

    async def greet(self) -> None:
        """It is welcomed, and in the history from now on.

        Raises:
            Gone: it was closed instead.
        """
        await self._send({"type": "hello"})
        welcome = asyncio.get_running_loop().create_future()
        self._waiting["welcome"] = welcome
        self._reading = asyncio.create_task(self._read())
        frame = await self._answer(welcome, OPEN_SECONDS)
        self.life.session = frame["session"]

    async def sign_in(self, custom_id: str, back: int = 0, *, named: bool = False) -> Attempt:
        """What became of it, whatever that was.

        Raises:
            Gone: the socket was closed already, so nothing was sent.
        """
        if self.life.code is not None:
            raise Gone
        key_id, token = self._project.token(custom_id, back, named=named)
        self.life.tried = key_id
        self.life.presented.add(key_id)
        attempt = Attempt(self._project.id, key_id, self._gateway, custom_id, time.monotonic())
        self._history.attempts.append(attempt)
        try:
            frame = await self._ask({"type": "sign_in", "token": token})
        except TimeoutError:
            attempt.outcome = LOST
        except Gone:
            attempt.outcome = f"closed:{self.life.code}"
        else:
            self._note_answer(attempt, frame)
        attempt.answered_at = attempt.answered_at or time.monotonic()
        return attempt

    async def say(self, text: str) -> None:
        """The message is acknowledged, or nobody answered it.

        Raises:
            Gone: the socket is closed.
        """
        with suppress(TimeoutError):
            frame = await self._ask({"type": "message", "text": text})
            if frame["type"] == "sent":
                self._history.said.append(Said(self._project.id, frame["message_id"]))

    async def ping(self) -> None:
        """A ping is on its way.

        Raises:
            Gone: the socket is closed.
        """
        self._pings.append(time.monotonic())
        await self._send({"type": "ping"})

    async def stay(self, seconds: float) -> None:
        """It has pinged for so long.

        Raises:
            Gone: the socket is closed.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.ping()
            await asyncio.sleep(PING_SECONDS)

    async def leave(self) -> None:
        """The driver has closed it, if it was open."""
        if self.life.code is None:
            self.life.code, self.life.closed_at = 0, time.monotonic()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        self._socket.transport.abort()

    def _note_answer(self, attempt: Attempt, frame: dict[str, Any]) -> None:
        if frame["type"] != SIGNED_IN:
            attempt.outcome = f"refused:{frame['code']}"
            return
        attempt.outcome, attempt.answered_at = SIGNED_IN, frame["seen_at"]
        attempt.visitor_id = frame["visitor"]["id"]

    async def _ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        frame_id = f"{self.life.session}-{next(self._ids)}"
        answer = asyncio.get_running_loop().create_future()
        self._waiting[frame_id] = answer
        await self._send({**frame, "id": frame_id})
        return await self._answer(answer, ANSWER_SECONDS)

    async def _answer(
        self, answer: "asyncio.Future[dict[str, Any]]", seconds: float
    ) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            return await answer

    async def _send(self, frame: dict[str, Any]) -> None:
        try:
            await self._socket.send(json.dumps(frame))
        except (WebSocketException, OSError):
            raise Gone from None

    async def _read(self) -> None:
        """Notes what comes, at the moment that it comes, until the socket is closed."""
        try:
            with suppress(WebSocketException, OSError):
                while True:
                    self._take(json.loads(await self._socket.recv()))
        finally:
            if self.life.code is None:
                code = self._socket.close_code
                self.life.code = ABNORMAL if code is None else code
                self.life.closed_at = time.monotonic()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Gone())
                    answer.exception()

    def _take(self, frame: dict[str, Any]) -> None:
        kind, now = frame["type"], time.monotonic()
        if kind == "pong":
            self.life.served_at = self._pings.pop(0)
            return
        if kind == "welcome":
            self.life.opened_at = now
            self._history.sockets.append(self.life)
        elif kind == SIGNED_IN:
            self.life.key_id, self.life.bound_at = frame["key_id"], now
            frame["seen_at"] = now
        answer = self._waiting.pop("welcome" if kind == "welcome" else frame.get("id", ""), None)
        if answer is not None and not answer.done():
            answer.set_result(frame)


@asynccontextmanager
async def visitor(project: Project, gateway: str) -> AsyncIterator[Visitor]:
    """A visitor who has been welcomed, and leaves at the end.

    Raises:
        Gone: the gateway did not let it in, or it was closed meanwhile.
    """
    url = project.system.socket_url(project.id, gateway)
    try:
        socket = await connect(
            url,
            subprotocols=["widget-auth.v1"],  # type: ignore[list-item]
            compression=None,
            open_timeout=OPEN_SECONDS,
            ping_interval=None,
            close_timeout=1,
        )
    except (OSError, InvalidHandshake, TimeoutError, EOFError):
        raise Gone from None
    guest = Visitor(project, gateway, socket)
    try:
        await guest.greet()
        yield guest
    except TimeoutError:
        raise Gone from None
    finally:
        if hasattr(guest, "_reading"):
            await guest.leave()


@dataclass
class Crowd:
    """Visitors who come and go until they are told to settle; then those who are there stay.

    Args:
        random: decides who does what.
        projects: the first has its secret regenerated.
        patience: seconds that one stays signed in, at most.
        repeats: how often somebody signs in on one socket.
    """

    projects: list[Project]
    random: random.Random
    patience: float = 2.5
    repeats: int = 3
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    _working: int = 0

    async def come_and_go(self, number: int) -> None:
        """One visitor after another, until all settle."""
        while not self.settled.is_set():
            project = self.random.choice(self.projects)
            with suppress(Gone):
                async with visitor(project, self.random.choice(GATEWAYS)) as guest:
                    with self._at_work():
                        await self._visit(guest, number)
                    while self.settled.is_set():
                        await guest.stay(PING_SECONDS)
            await asyncio.sleep(0.05 + 0.1 * self.random.random())

    async def calm_down(self) -> None:
        """Nobody asks for anything any more; those who are there stay."""
        self.settled.set()
        while self._working:
            await asyncio.sleep(0.02)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1

    async def _visit(self, guest: Visitor, number: int) -> None:
        what = self.random.random()
        stay = self.patience * self.random.random()
        if what < ANONYMOUS:
            await self._stay(guest, 2 * stay)
        elif what < ANONYMOUS + WITH_OLD_TOKENS:
            for back in (1, 1, 2):
                await self._sign_in(guest, number, back)
                await asyncio.sleep(0.05)
        else:
            await self._sign_in_and_stay(guest, number, stay)

    async def _sign_in_and_stay(self, guest: Visitor, number: int, stay: float) -> None:
        for _ in range(self.repeats):
            await self._sign_in(guest, number)
        if not self.settled.is_set():
            await guest.say(f"hello from {number}")
        await self._stay(guest, stay)

    async def _sign_in(self, guest: Visitor, number: int, back: int = 0) -> None:
        if self.settled.is_set():
            return
        named = self.random.random() < NAMING_THE_KEY
        attempt = await guest.sign_in(f"user-{number}", back, named=named)
        if attempt.outcome == LOST:
            raise Gone  # an answer may still come, to a question that nobody remembers
        if attempt.outcome != SIGNED_IN:
            await asyncio.sleep(0.1)

    async def _stay(self, guest: Visitor, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.settled.is_set():
            await guest.stay(PING_SECONDS)
