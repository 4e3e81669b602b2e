"""When is a process ready: it says so, or what it serves answers."""

import asyncio
import os
import secrets
import socket
import sys
import tempfile
from contextlib import suppress
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.03
_READY = b"READY=1"


class ReadinessSocket:
    """Hears one process say that it is ready, by sd_notify(3). A context manager."""

    def __init__(self) -> None:
        self.said = asyncio.Event()
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.settimeout(0)
        name = f"widget-auth-{os.getpid()}-{secrets.token_hex(8)}"
        # Linux has names without files, which need no tidying up.
        self.address = f"@{name}" if sys.platform == "linux" else f"{tempfile.gettempdir()}/{name}"

    def __enter__(self) -> Self:
        self._receiver.bind(self.address.replace("@", "\0", 1))
        asyncio.get_running_loop().add_reader(self._receiver, self._hear)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._receiver)
        self._receiver.close()
        if not self.address.startswith("@"):
            with suppress(OSError):
                os.unlink(self.address)  # noqa: PTH108

    def _hear(self) -> None:
        if _READY in self._receiver.recv(256):
            self.said.set()


async def until_answered(host: str, port: int, request: bytes, expected: bytes) -> None:
    """The server on that port has answered the request with something that begins as expected."""
    while not await _answers(host, port, request, expected):  # noqa: ASYNC110 - no event to await
        await asyncio.sleep(POLL_SECONDS)


async def _answers(host: str, port: int, request: bytes, expected: bytes) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                answer = await reader.readexactly(len(expected))
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return False
    return answer == expected
