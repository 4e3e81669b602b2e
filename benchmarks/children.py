"""Processes that a benchmark needs: started here, and gone when it ends, however it ends."""

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from cli.development.lifetime import tied_to_this_process
from config.readiness import NOTIFY_SOCKET

START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
LAST_CHARACTERS = 2_000


class ChildFailed(Exception):
    """A process of the benchmark did not start, or ended before it should."""

    def __init__(self, name: str, log: Path) -> None:
        words = log.read_text(errors="replace")[-LAST_CHARACTERS:] if log.exists() else ""
        super().__init__(f"{name}: {self.__doc__}\n{words}")


class Child:
    """One running process. It says that it is ready as `config.readiness` tells."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        user: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        talks: bool = False,
    ) -> None:
        self.name = name
        self._log = log
        self._stop_signal = stop_signal
        self._readiness = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = f"widget-auth-benchmark-{secrets.token_hex(8)}"
        self._readiness.bind("\0" + address)
        self._readiness.settimeout(POLL_SECONDS)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment, NOTIFY_SOCKET: "@" + address},
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=output,
                user=user,
                extra_groups=None if user is None else [],
                start_new_session=True,  # Ctrl-C is for the benchmark: it decides who ends when
                preexec_fn=tied_to_this_process(),  # noqa: PLW1509 - only one thread starts any
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def until_ready(self) -> "Child":
        """It has said that it is ready.

        Raises:
            ChildFailed: it ended, or said nothing in time.
        """
        self.until(self._said_ready)
        return self

    def until_spoken(self) -> "Child":
        """It has written a first line, as programs say that they are ready that cannot notify.

        Raises:
            ChildFailed: it ended, or wrote nothing in time.
        """
        self.until(self._has_spoken)
        self.hear()
        return self

    def until(self, is_ready: Callable[[], bool]) -> None:
        """The condition holds.

        Raises:
            ChildFailed: the process ended before, or time ran out.
        """
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ChildFailed(self.name, self._log)
            time.sleep(POLL_SECONDS)

    def tell(self, line: str) -> None:
        """The process has the line on its standard input."""
        assert self._process.stdin  # noqa: S101 - it talks
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """The next line of its standard output.

        Raises:
            ChildFailed: it has nothing more to say.
        """
        assert self._process.stdout  # noqa: S101 - it talks
        line = self._process.stdout.readline()
        if not line:
            raise ChildFailed(self.name, self._log)
        return line.decode()

    def own_memory_bytes(self) -> int:
        """Memory that would be free if it ended (USS)."""
        return int(psutil.Process(self.pid).memory_full_info().uss)

    def cpu_seconds(self) -> float:
        """Processor time that it and its own children have used, user and system."""
        process = psutil.Process(self.pid)
        seconds = 0.0
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # one of its children has ended meanwhile
                times = each.cpu_times()
                seconds += times.user + times.system
                seconds += times.children_user + times.children_system  # of those that ended before
        return seconds

    def stop(self) -> None:
        """It has ended; killed, with what it started itself, if it took too long.

        May be repeated.
        """
        self._readiness.close()
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)  # its session is its own
            self._process.wait()

    def _has_spoken(self) -> bool:
        assert self._process.stdout  # noqa: S101 - it talks
        readable, _, _ = select.select([self._process.stdout], [], [], POLL_SECONDS)
        return bool(readable)

    def _said_ready(self) -> bool:
        try:
            return b"READY=1" in self._readiness.recv(256)
        except TimeoutError:
            return False


class Children:
    """All processes of one benchmark and the folder they write to. Those started last end first."""

    def __init__(self) -> None:
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="widget-auth-benchmark-"))
        self._ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C changes nothing
        try:
            self._ends.__exit__(kind, error, trace)
        finally:
            signal.signal(signal.SIGINT, handler)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        user: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        talks: bool = False,
    ) -> Child:
        """The process runs; it ends with the others, if not before.

        Args:
            name: also of its log.
            command: the program and its arguments.
            environment: what it gets besides this process's own.
            user: the id of whom it runs as, if not as ourselves.
            stop_signal: what tells it to end.
            talks: whether `tell` and `hear` reach it.
        """
        log = self.folder / f"{name}.log"
        child = Child(
            name,
            command,
            environment or {},
            log,
            user=user,
            stop_signal=stop_signal,
            talks=talks,
        )
        self._ends.callback(child.stop)
        return child

    def on_end(self, callback: Callable[[], object]) -> None:
        """The callback will be called before anything started earlier ends."""
        self._ends.callback(callback)
