"""A process of ours: started, heard, told to stop, and never left behind."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress

from cli.development.lifetime import tied_to_this_process
from cli.development.readiness import ReadinessSocket
from config.readiness import NOTIFY_SOCKET

LAST_LINES = 15
LONGEST_LINE = 1 << 20

Hear = Callable[[str, str], None]


class ChildProcess:
    """One run of a command, in a process group of its own."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._readiness = ReadinessSocket()
        self._command = command
        self._environment = {**environment, NOTIFY_SOCKET: self._readiness.address}
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._resources = ExitStack()

    async def start(self, hear: Hear) -> None:
        """It runs, and what it writes is heard line by line."""
        self._resources.enter_context(self._readiness)
        # Our own pipe: asyncio's would let nobody know of the end while a grandchild holds it.
        output, their_output = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=their_output,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for us alone: we decide the order of stopping
                preexec_fn=tied_to_this_process(),
            )
        finally:
            os.close(their_output)
        self._listening = asyncio.create_task(self._listen(output, hear))

    @property
    def process_id(self) -> int | None:
        """The process's id, once it has been started."""
        return self._process.pid if self._process else None

    async def wait(self) -> int:
        """The exit status, once it has ended and its last words were heard."""
        assert self._process  # noqa: S101 - started before
        status = await self._process.wait()
        with suppress(ProcessLookupError):  # whatever it started and left behind
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._listening:
            with suppress(TimeoutError):  # a grandchild may hold the pipe open
                await asyncio.wait_for(self._listening, timeout=1)
        self._resources.close()
        return status

    async def until_said_ready(self) -> None:
        """It has said that it is ready (`config.readiness`)."""
        await self._readiness.said.wait()

    def signal(self, signal_number: signal.Signals) -> None:
        """It and whatever it started got the signal, if it still runs."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal_number)

    async def _listen(self, output: int, hear: Hear) -> None:
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0)
        )
        try:
            while text := await _read_line(reader):
                if line := text.rstrip():
                    self.last_lines.append(line)
                    hear(self.name, line)
        finally:
            transport.close()


async def _read_line(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readline()).decode(errors="replace")
    except ValueError:
        return "(a line too long to show)\n"
