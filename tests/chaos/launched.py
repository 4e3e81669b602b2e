"""Processes forked by the launcher, each told what to do by its own id."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from cli.development.lifetime import tied_to_this_process

READY_SECONDS = 30.0
STOP_SECONDS = 15.0


class NotReady(AssertionError):
    """A process has not become ready."""


class Launcher:
    """Starts processes out of one that has imported everything. A context manager.

    Args:
        root: where the code is that runs; another than this one for deliberate bugs.
    """

    def __init__(self, root: Path) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.entries.launcher"],
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

    def fork(self, wanted: Mapping[str, Any]) -> int:
        """The id of a new process."""
        assert self._process.stdin
        with self._turn:
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
            return int(self._read())

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


class Launched:
    """One process life after another of one program.

    Args:
        arguments: the module and what it is told.
    """

    def __init__(
        self,
        launcher: Launcher,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
    ) -> None:
        self.name = name
        self.pid = 0
        self.environ = dict(environ)
        self._launcher = launcher
        self._arguments = arguments
        self._log = log
        self._handle = -1

    def start(self) -> None:
        """It is started; `wait_until_ready` says when it serves."""
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready.bind(f"\0widget-auth-chaos-{os.getpid()}-{id(self)}-{time.monotonic_ns()}")
        address = self._ready.getsockname().decode().replace("\0", "@", 1)
        module, *arguments = self._arguments
        self.pid = self._launcher.fork(
            {
                "module": module,
                "arguments": arguments,
                "environ": {**self.environ, "NOTIFY_SOCKET": address},
                "log": str(self._log),
            }
        )
        self._handle = os.pidfd_open(self.pid)

    def wait_until_ready(self) -> None:
        """It has said that it is ready.

        Raises:
            NotReady: it has ended, or takes too long.
        """
        with self._ready:
            self._ready.settimeout(0.05)
            deadline = time.monotonic() + READY_SECONDS
            while time.monotonic() < deadline and self.is_running:
                try:
                    if b"READY=1" in self._ready.recv(256):
                        return
                except TimeoutError:
                    continue
        message = f"{self.name}:\n{self._log.read_text(errors='replace')[-3000:]}"
        raise NotReady(message)

    @property
    def is_running(self) -> bool:
        """Whether the process lives, also paused."""
        return self.pid > 0 and not select.select([self._handle], [], [], 0)[0]

    def kill(self) -> None:
        """It is gone at once."""
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        """It stands still, holding what it holds."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """It has ended in an orderly way; it is killed where it does not."""
        self._signal(signal.SIGTERM)
        self._wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            signal.pidfd_send_signal(self._handle, number)

    def _wait(self) -> None:
        if self.pid and not select.select([self._handle], [], [], STOP_SECONDS)[0]:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            message = f"{self.name} did not stop"
            raise AssertionError(message)
        if self.pid:
            os.close(self._handle)
            self.pid = 0
