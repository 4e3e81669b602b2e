"""Real processes of widget-auth, each started, told to stop, paused and killed by its own id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.development.lifetime import tied_to_this_process
from tests.servers.forks import Fork, Launcher
from tests.servers.ports import free_port

__all__ = ["RunningProcess", "free_port"]

READY_SECONDS = 90.0
STOP_SECONDS = 60.0
ROOT = Path(__file__).parents[2]


class RunningProcess:
    """One process that has said that it is ready.

    Args:
        launcher: forks it, which is quick; without one it is a Python of its own.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        launcher: Launcher | None = None,
    ) -> None:
        self.name = name
        self._arguments = arguments
        self._environ = environ
        self._log = folder / f"{name}.log"
        self._launcher = launcher
        self._process: subprocess.Popen[bytes] | Fork | None = None

    def start(self) -> "RunningProcess":
        """It is started; `wait_until_ready` says when it serves."""
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready.bind(f"\0widget-auth-test-{os.getpid()}-{id(self)}-{time.monotonic_ns()}")
        address = self._ready.getsockname().decode().replace("\0", "@", 1)
        environ = {**os.environ, **self._environ, "NOTIFY_SOCKET": address}
        if self._launcher:
            self._process = self._launcher.fork(self._arguments, environ, self._log)
        else:
            self._process = self._open(environ)
        return self

    def _open(self, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                cwd=ROOT,
                start_new_session=True,
                preexec_fn=tied_to_this_process(),  # noqa: PLW1509 - the tests start one thread
            )

    def wait_until_ready(self) -> None:
        """It has said that it is ready."""
        self._ready.settimeout(0.05)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                if b"READY=1" in self._ready.recv(256):
                    self._ready.close()
                    return
            except TimeoutError:
                if self.process.poll() is not None:
                    break
        self._ready.close()
        message = f"{self.name} is not ready:\n{self.log_text()[-3000:]}"
        raise AssertionError(message)

    @property
    def process(self) -> "subprocess.Popen[bytes] | Fork":
        """The process, once started."""
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    def log_text(self) -> str:
        """All that it has written."""
        return self._log.read_text(errors="replace")

    def begin_to_stop(self) -> None:
        """It has been told to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()

    def stop(self) -> int:
        """It has ended in an orderly way; returns its exit code."""
        self.begin_to_stop()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            message = f"{self.name} did not stop:\n{self.log_text()[-3000:]}"
            raise AssertionError(message) from None

    def kill(self) -> None:
        """It is gone at once, as by `kill -9`."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def pause(self) -> None:
        """It stands still, holding what it holds."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self.process.send_signal(signal.SIGCONT)
