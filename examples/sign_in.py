"""Signs a visitor in over a widget socket and stays until it is disconnected.

Usage: sign_in.py PROJECT_ID TOKEN_FILE [GATEWAY_URL]
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

GATEWAY = f"ws://127.0.0.1:{os.environ.get('PORT', '8400')}"


class Socket(WSListener):
    """Says hello, presents the token, and tells what it hears."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The first frame is a hello; the device id is to be kept by a real widget."""
        send(transport, {"type": "hello"})

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Everything is JSON but the close, whose reason is."""
        if frame.msg_type == WSMsgType.CLOSE:
            code, reason = frame.get_close_code(), json.loads(frame.get_close_message() or "{}")
            tell(f"disconnected: {code.value} {reason.get('code', '')}")
            transport.disconnect()
            self.end(0)
            return
        heard = json.loads(frame.get_payload_as_bytes())
        if heard["type"] == "welcome":
            send(transport, {"type": "sign_in", "id": "1", "token": self.token})
        elif heard["type"] == "signed_in":
            visitor = heard["visitor"]
            tell(f"signed in as {visitor['name'] or visitor['custom_id']}, key {heard['key_id']}")
        elif heard["type"] == "refused":
            tell(f"refused: {heard['code']}: {heard['message']}")
            self.end(1)

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """The connection is gone."""
        self.end(1)

    def end(self, status: int) -> None:
        """That is the exit status, unless there is one already."""
        if not self.ended.done():
            self.ended.set_result(status)


def send(transport: WSTransport, frame: dict[str, Any]) -> None:
    """The frame is on its way."""
    transport.send(WSMsgType.TEXT, json.dumps(frame).encode())


def tell(sentence: str) -> None:
    """One line, at once."""
    print(sentence, flush=True)


async def sign_in(project: str, token: str, gateway: str) -> int:
    """The exit status: 1 if the token was refused."""
    url = f"{gateway}/v1/socket?project={project}"
    protocol = {"Sec-WebSocket-Protocol": "widget-auth.v1"}
    _, socket = await ws_connect(lambda: Socket(token), url, extra_headers=protocol)
    assert isinstance(socket, Socket)  # noqa: S101 - what the line above asked for
    return await socket.ended


def main(project: str, token_file: str, gateway: str = GATEWAY) -> int:
    """The exit status: 1 if the token was refused."""
    return asyncio.run(sign_in(project, Path(token_file).read_text().strip(), gateway))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
