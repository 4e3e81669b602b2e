"""A widget without a page: it speaks the gateway's protocol over a real socket."""

import asyncio
import itertools
import json
import time
from typing import Any, Self

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

SECONDS = 15.0
SUB_PROTOCOL = "widget-auth.v1"


class Frames(WSListener):
    """What comes over the socket, in order; the last is its close."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: asyncio.Future[tuple[int, dict[str, Any], float]]
        self.closed = asyncio.get_running_loop().create_future()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """The frame is kept for whoever waits."""
        if frame.msg_type == WSMsgType.TEXT:
            self.frames.put_nowait(json.loads(frame.get_payload_as_bytes()))
        elif frame.msg_type == WSMsgType.CLOSE:
            payload = frame.get_payload_as_bytes()
            code, reason = int.from_bytes(payload[:2], "big"), json.loads(payload[2:] or "{}")
            self.closed.set_result((code, reason, time.perf_counter()))
            transport.send_close()
            transport.disconnect()


class Widget:
    """One visitor's widget."""

    def __init__(self, name: str, transport: WSTransport, frames: Frames) -> None:
        self.name = name
        self._transport = transport
        self._frames = frames
        self._ids = itertools.count(1)

    @classmethod
    async def connect(cls, name: str, gateway: str, project_id: str) -> Self:
        """A widget that has said hello and was welcomed."""
        transport, frames = await ws_connect(
            Frames,
            f"{gateway}/v1/socket?project={project_id}",
            extra_headers={"Sec-WebSocket-Protocol": SUB_PROTOCOL},
        )
        assert isinstance(frames, Frames)  # noqa: S101 - what the line above asked for
        widget = cls(name, transport, frames)
        widget._send({"type": "hello"})
        await widget.expect("welcome")
        return widget

    async def sign_in(self, token: str) -> tuple[dict[str, Any], float]:
        """The answer to the token, and how many milliseconds it took."""
        begun = time.perf_counter()
        self._send({"type": "sign_in", "id": str(next(self._ids)), "token": token})
        answer = await self.expect("signed_in", "refused")
        return answer, (time.perf_counter() - begun) * 1000

    async def expect(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of these types; others are passed over."""
        async with asyncio.timeout(SECONDS):
            while (frame := await self._frames.frames.get())["type"] not in kinds:
                pass
        return frame

    async def is_alive(self) -> bool:
        """Whether the gateway still answers this socket."""
        if self._frames.closed.done():
            return False
        self._send({"type": "ping"})
        return bool(await self.expect("pong"))

    async def closing(self) -> tuple[int, dict[str, Any], float]:
        """The code and reason with which the gateway closed, and when it came."""
        async with asyncio.timeout(SECONDS):
            return await self._frames.closed

    def disconnect(self) -> None:
        """The socket is closed."""
        self._transport.disconnect()

    def _send(self, frame: dict[str, Any]) -> None:
        self._transport.send(WSMsgType.TEXT, json.dumps(frame).encode())
