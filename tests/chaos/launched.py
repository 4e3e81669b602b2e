"""Processes forked by the launcher, each told what to do by its own id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.forks import Fork, Launcher

READY_SECONDS = 90.0
STOP_SECONDS = 60.0


class NotReady(AssertionError):
    """A process has not become ready."""


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
        self.environ = dict(environ)
        self._launcher = launcher
        self._arguments = arguments
        self._log = log
        self._fork: Fork | None = None

    def start(self) -> None:
        """It is started; `wait_until_ready` says when it serves."""
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready.bind(f"\0widget-auth-chaos-{os.getpid()}-{id(self)}-{time.monotonic_ns()}")
        address = self._ready.getsockname().decode().replace("\0", "@", 1)
        environ = {**self.environ, "NOTIFY_SOCKET": address}
        self._fork = self._launcher.fork(self._arguments, environ, self._log)

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
    def pid(self) -> int:
        """Its id; 0 where it never ran or has ended."""
        return self._fork.pid if self._fork and self._fork.poll() is None else 0

    @property
    def is_running(self) -> bool:
        """Whether the process lives, also paused."""
        return self.pid > 0

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
        if self._fork:
            self._fork.send_signal(number)

    def _wait(self) -> None:
        if not self._fork:
            return
        try:
            self._fork.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._fork.kill()
            message = f"{self.name} did not stop"
            raise AssertionError(message) from None
