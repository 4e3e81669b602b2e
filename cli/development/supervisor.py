"""Starts processes, keeps them running, and stops them in order."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cli.development.child_process import ChildProcess
from cli.development.output import Output

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
ATTEMPTS_TO_START = 3
START_SECONDS = 60.0

UntilReady = Callable[[ChildProcess], Awaitable[None]]


class StartFailed(Exception):
    """A process did not start."""

    def __init__(self, name: str, why: str, last_lines: Sequence[str] = ()) -> None:
        self.name = name
        super().__init__("\n  ".join([f"{name} did not start: {why}", *last_lines]))


@dataclass
class Kept:
    """A process that shall always run: when it ends, another is started in its place.

    Of a silent one only the last lines are shown, and only if it ends. Without an environment of
    its own it has the supervisor's.
    """

    name: str
    command: Sequence[str]
    until_ready: UntilReady = ChildProcess.until_said_ready
    silent: bool = False
    environment: Mapping[str, str] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    child: ChildProcess | None = None


class Supervisor:
    """Holds the processes of one system. Use one event loop, on the main thread."""

    def __init__(self, environment: Mapping[str, str], output: Output) -> None:
        self._environment = environment
        self._output = output
        self._waves: list[dict[asyncio.Task[None], Kept]] = []
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()

    async def run(self, name: str, command: Sequence[str]) -> None:
        """The command has run to its end.

        Raises:
            StartFailed: it failed.
        """
        child = ChildProcess(name, command, self._environment)
        await child.start(self._ignore)
        status = await child.wait()
        if status != 0 and not self._stopping.is_set():
            raise StartFailed(name, _how(status), child.last_lines)

    async def bring_up(self, *processes: Kept) -> None:
        """All of them are ready, and from now on kept running. Later ones are stopped first.

        Raises:
            StartFailed: one ended again and again, or was not ready in time.
        """
        wave = {asyncio.create_task(self._keep(kept)): kept for kept in processes}
        self._waves.append(wave)
        ready = asyncio.create_task(_until_all_ready(processes))
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.wait({*wave, ready}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            late = next(kept for kept in processes if not kept.ready.is_set())
            lines = late.child.last_lines if late.child else ()
            why = f"it was not ready within {START_SECONDS:.0f} s"
            raise StartFailed(late.name, why, lines) from None
        finally:
            ready.cancel()
        for task in wave:
            if task.done() and not self._stopping.is_set():
                task.result()  # raises

    def stop_at_once(self) -> None:
        """Whatever still runs is killed: nobody waits any longer."""
        self._at_once.set()

    async def stop(self, *graces: float) -> None:
        """No process runs any more, those started last ended first.

        Args:
            graces: seconds for each wave, from the last to the first, before it is killed.
        """
        self._stopping.set()
        for wave, grace in zip(reversed(self._waves), graces, strict=False):
            await self._end(wave, grace)

    async def _end(self, wave: Mapping[asyncio.Task[None], Kept], grace: float) -> None:
        hurry = asyncio.create_task(self._at_once.wait())
        deadline = time.monotonic() + grace
        running = {task for task in wave if not task.done()}
        _signal(wave, signal.SIGTERM)
        while running and time.monotonic() < deadline and not hurry.done():
            await asyncio.wait(
                {*running, hurry},
                timeout=deadline - time.monotonic(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            running = {task for task in wave if not task.done()}
        hurry.cancel()
        if running:
            names = [wave[task].name for task in running]
            self._output.note("processes_killed", "warning", processes=names)
            _signal(wave, signal.SIGKILL)
        await asyncio.gather(*wave, return_exceptions=True)

    async def _keep(self, kept: Kept) -> None:
        pause = FIRST_PAUSE_SECONDS
        attempts = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._run_once(kept)
            if self._stopping.is_set():
                return
            attempts += 1
            assert kept.child  # noqa: S101 - it has just run
            if not kept.ready.is_set() and attempts == ATTEMPTS_TO_START:
                raise StartFailed(kept.name, _how(status), kept.child.last_lines)
            if time.monotonic() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._tell_end(kept, status, pause)
            await self._pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, kept: Kept) -> int:
        environment = self._environment if kept.environment is None else kept.environment
        child = kept.child = ChildProcess(kept.name, kept.command, environment)
        await child.start(self._ignore if kept.silent else self._output.line)
        if self._stopping.is_set():  # asked while it was being started
            child.signal(signal.SIGTERM)
        ended = asyncio.create_task(child.wait())
        ready = asyncio.ensure_future(kept.until_ready(child))
        await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done() and not ended.done():
            if kept.ready.is_set():
                self._output.note("process_ready_again", of=kept.name)
            kept.ready.set()
        status = await ended
        ready.cancel()
        return status

    def _tell_end(self, kept: Kept, status: int, pause: float) -> None:
        assert kept.child  # noqa: S101
        self._output.note(
            "process_ended",
            "error",
            of=kept.name,
            how=_how(status),
            restarted_in_seconds=pause,
            last_lines=list(kept.child.last_lines),
        )

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    @staticmethod
    def _ignore(_name: str, _line: str) -> None:
        """Only told if the command fails: its last lines are in the error."""


async def _until_all_ready(processes: Sequence[Kept]) -> None:
    for kept in processes:
        await kept.ready.wait()


def _signal(wave: Mapping[asyncio.Task[None], Kept], signal_number: signal.Signals) -> None:
    for kept in wave.values():
        if kept.child:
            kept.child.signal(signal_number)


def _how(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
