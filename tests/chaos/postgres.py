"""A PostgreSQL of one run's own, which may be killed, paused and started again."""

import os
import secrets
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.servers import postgres
from tests.servers.ports import free_port
from tests.servers.runs import start_guarded
from tests.waiting import wait_until

STOP_SECONDS = 60.0

# What has been acknowledged outlives the server's death, if not the machine's.
_OPTIONS = (
    "fsync=off",
    "full_page_writes=off",
    "max_connections=100",
    "unix_socket_directories=",
    "log_min_messages=fatal",
)


class PostgresOfARun:
    """One cluster on one port. Its processes may die, its data stays until `remove`."""

    def __init__(self) -> None:
        self._binaries = postgres._find_binaries()
        self._user = postgres._unprivileged_user()
        self._folder = Path(tempfile.mkdtemp(prefix="widget-auth-chaos-postgres-"))
        self._password = secrets.token_urlsafe(16)
        self.port = free_port()
        postgres._make_cluster(self._binaries, self._folder, self._user, self._password)

    def url(self, port: int | None = None) -> str:
        """Where it listens, or a way there."""
        name = "postgresql+psycopg"
        at = port or self.port
        url = URL.create(name, "tester", self._password, "127.0.0.1", at, "postgres")
        return url.render_as_string(hide_password=False)

    def start(self) -> None:
        """It answers."""
        command = [str(self._binaries / "postgres"), "-D", str(self._folder / "cluster")]
        command += ["-h", "127.0.0.1", "-p", str(self.port)]
        command += [part for option in _OPTIONS for part in ("-c", option)]
        life = Path(tempfile.mkdtemp(prefix="widget-auth-chaos-postgres-life-"))
        log = self._folder / "server.log"
        self._guard = start_guarded(
            command, folder=life, user=self._user, log=log, stop_signal=signal.SIGQUIT
        )
        deadline = time.monotonic() + postgres.START_SECONDS
        while not postgres._answers(_parsed(self.url())):
            if self._guard.poll() is not None or time.monotonic() > deadline:
                message = f"PostgreSQL did not start: {log.read_text()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.02)

    def stop(self) -> None:
        """It has ended; whoever was connected was sent away."""
        for pid in self._pids()[:1]:
            os.kill(pid, signal.SIGINT)
        self._guard.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Every process of it is gone at once: no other can start while one is left."""
        self.pause()  # nobody is let in any more of whom nothing would be known
        pids = self._pids()
        self._signal(signal.SIGKILL)
        self._guard.wait(STOP_SECONDS)
        wait_until(lambda: not any(_lives(pid) for pid in pids), "the end of PostgreSQL")

    def pause(self) -> None:
        """It holds its connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """Nothing is left of it."""
        with suppress(ProcessLookupError):
            self.resume()
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _pids(self) -> list[int]:
        """The server's own process, then those that it has forked."""
        try:
            first = int((self._folder / "cluster" / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        except (FileNotFoundError, IndexError):
            return []
        return [first, *map(int, children)]


def require_postgres() -> None:
    """There is a PostgreSQL to run; without one the test is skipped, and in CI it fails."""
    try:
        postgres._find_binaries()
    except postgres.PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing.__doc__))
        pytest.skip(str(missing.__doc__))


def _lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _parsed(url: str) -> URL:
    return postgres.make_url(url)
