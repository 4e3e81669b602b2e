"""Workers, beats and a gateway as a deployment runs them, in a week that passes in seconds."""

import base64
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from cli.processes import BEAT, GATEWAY, WORKERS
from domain.sealing import SecretSealer
from services.stores import Stores
from services.transactions import Transactor
from storage.redis.client import connect
from storage.sql.engine import open_database
from tests.acceptance.hurried.clock import FILE_VARIABLE, HurriedClock
from tests.chaos.launched import Launched
from tests.servers.forks import Launcher
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer

SWEEP_SECONDS = 0.1
"""A little more than an hour, where a week takes ten seconds."""

TWICE = ("maintenance", "beat")
"""Of these another goes on while one is dead."""

_WORKER_APP = "tests.acceptance.hurried.worker_app"


class HurriedSystem:
    """Every process for itself, over real stores. A context manager: within it all are ready."""

    def __init__(
        self, database_url: str, clock_file: Path, folder: Path, launcher: Launcher
    ) -> None:
        self._launcher = launcher
        self._database_url = database_url
        self._clock_file = clock_file
        self._folder = folder
        self._stack = ExitStack()
        self._sealing_key = os.urandom(32)
        self._keys = {f"WIDGET_AUTH_{name}_KEYS": _text(os.urandom(32)) for name in _SHARED_KEYS}
        self._port = free_port()
        self.processes: dict[str, Launched] = {}
        self.kills: Counter[str] = Counter()

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self) -> None:
        redis = RedisServer()
        redis.start()
        self._stack.callback(redis.stop)
        self._redis_url = redis.url
        self.stores = self._open_stores()
        self._stack.callback(self.stores.close)
        for name, arguments in self._programs().items():
            log = self._folder / f"{name}.log"
            environ = self._environ(name)
            self.processes[name] = Launched(self._launcher, name, arguments, environ, log)
            self._stack.callback(self.processes[name].kill)
            self.processes[name].start()
        for process in self.processes.values():
            process.wait_until_ready()

    def _open_stores(self) -> Stores:
        """What an administrator's clicks reach; what they announce is left to the relay."""
        database = open_database(self._database_url, HurriedClock(self._clock_file))
        transactor = Transactor(database, lambda _kind, _payload: None)
        return Stores(transactor, connect(self._redis_url), SecretSealer((self._sealing_key,)))

    def kill(self, names: Sequence[str]) -> None:
        """They are gone at once, as by `kill -9`."""
        for name in names:
            self.processes[name].kill()
            self.kills[name] += 1

    def bring_back(self, names: Sequence[str]) -> None:
        """They run again, and are ready."""
        for name in names:
            self.processes[name].start()
        for name in names:
            self.processes[name].wait_until_ready()

    def socket_url(self, project_id: str) -> str:
        """Where a widget of the project connects."""
        return f"ws://127.0.0.1:{self._port}/v1/socket?project={project_id}"

    def _programs(self) -> Mapping[str, Sequence[str]]:
        programs: dict[str, Sequence[str]] = {}
        for program in (*WORKERS, BEAT):
            hurried = [part.replace("workers.app", _WORKER_APP) for part in program.arguments]
            for copy in "12" if program.name in TWICE else "1":
                name = f"{program.name}-{copy}"
                programs[name] = hurried if program is BEAT else (*hurried, "-n", f"{name}@%h")
        programs[GATEWAY.name] = (*GATEWAY.arguments, "--port", str(self._port))
        return programs

    def _environ(self, name: str) -> Mapping[str, str]:
        environ = {
            "WIDGET_AUTH_REDIS_URL": self._redis_url,
            "WIDGET_AUTH_DATA_DIR": str(self._folder),
            "WIDGET_AUTH_SWEEP_SECONDS": str(SWEEP_SECONDS),
            **self._keys,
        }
        if name == GATEWAY.name:
            return environ
        return {
            **environ,
            "WIDGET_AUTH_DATABASE_URL": self._database_url,
            "WIDGET_AUTH_SEALING_KEYS": _text(self._sealing_key),
            FILE_VARIABLE: str(self._clock_file),
        }


_SHARED_KEYS = ("QUEUE", "DEVICE")


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()
