"""Processes forked out of one that has imported everything, and handled as those of subprocess."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest

from cli.development.lifetime import tied_to_this_process

ROOT = Path(__file__).parents[2]
NOTHING = Path(os.devnull)


class Launcher:
    """Starts processes out of one that has imported everything. A context manager.

    Args:
        root: where the code is that runs; another than this one for deliberate bugs.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            start_new_session=True,
            preexec_fn=tied_to_this_process(),  # noqa: PLW1509 - it starts before any thread
        )

    def __enter__(self) -> Self:
        assert self._read() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        """It ends, and with it all that it has forked."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def fork(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        *,
        given: Path = NOTHING,
        output: Path | None = None,
    ) -> "Fork":
        """A new process: the module, and what it is told. What it puts out goes to the log too."""
        module, *told = arguments
        wanted = {
            "module": module,
            "arguments": told,
            "environ": dict(environ),
            "input": str(given),
            "output": str(output or log),
            "log": str(log),
        }
        return Fork(self._ask(wanted), self)

    def run(
        self, arguments: Sequence[str], environ: Mapping[str, str], given: str, seconds: float
    ) -> "subprocess.CompletedProcess[str]":
        """The module has read what it is given, and has ended.

        Raises:
            TimeoutExpired: it has not ended in so many seconds.
        """
        with TemporaryDirectory(prefix="widget-auth-command-") as folder:
            paths = [Path(folder, name) for name in ("input", "output", "log")]
            paths[0].write_text(given)
            fork = self.fork(arguments, environ, paths[2], given=paths[0], output=paths[1])
            try:
                code = fork.wait(seconds)
            except subprocess.TimeoutExpired:
                fork.kill()
                raise
            output, log = (path.read_text() for path in paths[1:])
            return subprocess.CompletedProcess(arguments, code, output, log)

    def reap(self, pid: int) -> int:
        """The exit code of a process that has ended; asked once."""
        return self._ask({"reap": pid})

    def _ask(self, wanted: Mapping[str, Any]) -> int:
        assert self._process.stdin
        with self._turn:
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
            return int(self._read())

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


class Fork:
    """A process that the launcher has forked, with the methods of `subprocess.Popen`."""

    def __init__(self, pid: int, launcher: Launcher) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._launcher = launcher
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._look(0)

    def wait(self, timeout: float) -> int:
        """Its exit code.

        Raises:
            TimeoutExpired: it has not ended in so many seconds.
        """
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """It has got the signal, if it has not ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        """It has been told to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """It has been ended."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float) -> int | None:
        if self.returncode is None and self._ends_within(seconds):
            self.returncode = self._launcher.reap(self.pid)
            os.close(self._handle)
        return self.returncode

    def _ends_within(self, seconds: float) -> bool:
        end = select.poll()  # unlike select, for any number of open files
        end.register(self._handle, select.POLLIN)
        return bool(end.poll(seconds * 1000))


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Whence the systems of this process's tests are started."""
    with Launcher() as running:
        yield running
