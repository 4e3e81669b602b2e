"""The system of the demonstration: `widget-auth dev` in a folder of its own, on free ports."""

import asyncio
import json
import os
import re
import signal
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cli.development.lifetime import tied_to_this_process

START_SECONDS = 40.0
STOP_SECONDS = 12.0
_READY = re.compile(r"^ready (http://\S+)$")
_API_KEY = re.compile(r"^API key\s+(\S+)$")


class System:
    """A running system. An async context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._output: list[str] = []
        self._process: asyncio.subprocess.Process
        self._drain: asyncio.Task[None]
        self.url = ""
        self._api_key = ""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "dev", "--port", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "WIDGET_AUTH_DATA_DIR": str(self._folder)},
            preexec_fn=tied_to_this_process(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_ready()
        except BaseException:
            await self._stop()
            raise
        self._drain = asyncio.create_task(self._read_on())
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._stop()
        await self._drain

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The admin API's answer."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._api_key}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.load(answer)

    @property
    def gateway(self) -> str:
        """Where widgets connect."""
        return self.url.replace("http", "ws", 1)

    def last_lines(self) -> str:
        """The end of what the processes wrote."""
        return "\n".join(self._output[-30:])

    async def _until_ready(self) -> None:
        while not self.url:
            line = await self._read_line()
            if line is None:
                message = f"the system did not start:\n{self.last_lines()}"
                raise RuntimeError(message)
            if found := _API_KEY.match(line):
                self._api_key = found[1]
            elif found := _READY.match(line):
                self.url = found[1]

    async def _read_on(self) -> None:
        while await self._read_line() is not None:
            pass

    async def _read_line(self) -> str | None:
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = (await self._process.stdout.readline()).decode(errors="replace").rstrip("\n")
        if not line and self._process.stdout.at_eof():
            return None
        if not _API_KEY.match(line):
            self._output.append(line)
        return line

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise
