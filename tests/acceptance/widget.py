"""A widget, as a browser would speak: an independent WebSocket client."""

import asyncio
import itertools
import json
import time
from contextlib import suppress
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.published.witness import WITNESS

SECONDS = 60.0
STOOD_STILL_SECONDS = 4.0
"""Nearly as long as the gateway waits for workers."""
ATTEMPTS = 3


class Widget:
    """One connected socket. An async context manager that has said hello."""

    def __init__(self, url: str, device: str | None = None, origin: str | None = None) -> None:
        self._url = url
        self._device = device
        self._origin = origin
        self._ids = itertools.count(1)
        self._socket: ClientConnection

    async def __aenter__(self) -> Self:
        self._socket = await open_socket(self._url, self._origin)
        hello = {"type": "hello"} | ({"device": self._device} if self._device else {})
        try:
            await self.send(hello)
            self.welcome = await self.expect("welcome")
        except BaseException:
            await self._socket.close()
            raise
        self.device: str = self.welcome["device"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def send(self, frame: dict[str, Any] | str | bytes) -> None:
        """The frame is on its way."""
        said = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        WITNESS.sent(said)
        await self._socket.send(said)

    async def receive(self) -> dict[str, Any]:
        """The next frame."""
        async with asyncio.timeout(SECONDS):
            text = await self._socket.recv()
        WITNESS.received(text)
        frame: dict[str, Any] = json.loads(text)
        return frame

    async def expect(self, kind: str) -> dict[str, Any]:
        """The next frame, which is of this type."""
        frame = await self.receive()
        assert frame["type"] == kind, frame
        return frame

    async def sign_in(self, token: str) -> dict[str, Any]:
        """The answer to the token: `signed_in` or `refused`."""
        request_id = str(next(self._ids))
        await self.send({"type": "sign_in", "id": request_id, "token": token})
        answer = await self.receive()
        assert answer["id"] == request_id, answer
        self.device = answer.get("device", self.device)
        return answer

    async def signed_in(self, token: str) -> dict[str, Any]:
        """The answer to a good token."""
        answer = await self._answer(token)
        assert answer["type"] == "signed_in", answer
        return answer

    async def refusal(self, token: str) -> str:
        """The code with which the token was refused."""
        answer = await self._answer(token)
        assert answer["type"] == "refused", answer
        assert answer["message"]
        code: str = answer["code"]
        return code

    async def _answer(self, token: str) -> dict[str, Any]:
        """What the token is worth. Asked again where the whole machine stood still meanwhile.

        Whoever is told `unavailable` at once is told so.
        """
        for _ in range(ATTEMPTS):
            asked_at = time.monotonic()
            answer = await self.sign_in(token)
            took = time.monotonic() - asked_at
            if answer.get("code") != "unavailable" or took < STOOD_STILL_SECONDS:
                break
        return answer

    async def is_alive(self) -> bool:
        """Whether a ping is still answered."""
        try:
            await self.send({"type": "ping"})
            while (await self.receive())["type"] != "pong":
                pass
        except ConnectionClosed:
            return False
        return True

    async def closing(self) -> tuple[int, dict[str, Any]]:
        """The code and reason with which the gateway closes; other frames are passed over."""
        return await closing(self._socket)


async def open_socket(url: str, origin: str | None = None) -> ClientConnection:
    """A socket that has not said hello."""
    return await connect(
        url,
        subprotocols=["widget-auth.v1"],  # type: ignore[list-item]
        origin=origin,  # type: ignore[arg-type]
        compression=None,
        open_timeout=SECONDS,
        ping_interval=None,
    )


async def closing(socket: ClientConnection) -> tuple[int, dict[str, Any]]:
    """The code and reason with which the gateway closes the socket."""
    async with asyncio.timeout(SECONDS):
        while socket.close_code is None:
            with suppress(ConnectionClosed):
                await socket.recv()
    assert socket.close_code is not None
    WITNESS.closed(socket.close_code, socket.close_reason or "{}")
    return socket.close_code, json.loads(socket.close_reason or "{}")
