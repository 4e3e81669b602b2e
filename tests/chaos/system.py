"""The whole system with a proxy between any two of its processes, every one of which may fail."""

import base64
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self

import httpx

from cli.processes import BEAT, WORKERS
from storage.sql.engine import open_database
from storage.sql.migrate import migrate
from tests.acceptance.system import make_owner
from tests.chaos.entries.traps import FOLDER_VARIABLE, NAME_VARIABLE, SPRUNG
from tests.chaos.launched import Launched
from tests.chaos.postgres import PostgresOfARun
from tests.chaos.proxy import Proxy
from tests.servers.forks import Launcher
from tests.servers.plain_http import NO_TLS
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer

GATEWAYS = ("gateway-1", "gateway-2")
DASHBOARD = "dashboard"
SWEEP_SECONDS = 1.0


class Breakable(Protocol):
    """A process of ours or a store."""

    def kill(self) -> None:
        """It is gone at once."""

    def stop(self) -> None:
        """It has ended in an orderly way."""

    def start(self) -> None:
        """It runs again."""

    def pause(self) -> None:
        """It stands still."""

    def resume(self) -> None:
        """It goes on."""


class ChaosSystem:
    """Two gateways, the workers, beat, a dashboard, their stores, and links to them.

    Live state and the broker are two servers, as in production.

    Args:
        kind: `sqlite` or `postgresql`.
        launcher: whose code runs.
    """

    def __init__(self, kind: str, launcher: Launcher) -> None:
        self.kind = kind
        self._launcher = launcher
        self._stack = ExitStack()
        self.processes: dict[str, Launched] = {}
        self.stores: dict[str, Any] = {}
        self._keys = {f"WIDGET_AUTH_{name}_KEYS": _key() for name in ("SEALING", "QUEUE", "DEVICE")}
        self._ports = {name: free_port() for name in (*GATEWAYS, DASHBOARD)}

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
        self.folder = Path(tempfile.mkdtemp(prefix="widget-auth-chaos-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.traps = self.folder / "traps"
        self.traps.mkdir()
        self._open_stores()
        self.proxy = self._stack.enter_context(Proxy())
        self.owner_key = make_owner(self.database_url)
        for name, arguments in self._programs().items():
            environ = self._environ(name)
            log = self.folder / f"{name}.log"
            self.processes[name] = Launched(self._launcher, name, arguments, environ, log)
            self._stack.callback(self.processes[name].kill)
            self.processes[name].start()
        for process in self.processes.values():
            process.wait_until_ready()

    def _open_stores(self) -> None:
        for name in ("redis", "broker"):
            self.stores[name] = server = RedisServer()
            server.start()
            self._stack.callback(server.stop)
        if self.kind == "postgresql":
            self.stores["sql"] = postgres = PostgresOfARun()
            self._stack.callback(postgres.remove)
            postgres.start()
            self.database_url = postgres.url()
        else:
            self.database_url = f"sqlite:///{self.folder}/widget-auth.sqlite"
        database = open_database(self.database_url)
        migrate(database)
        database.close()

    def breakable(self, name: str) -> Breakable:
        """A process or a store."""
        found: Breakable = self.stores.get(name) or self.processes[name]
        return found

    def bring_back(self, name: str) -> None:
        """It runs, is ready, and is neither paused nor disturbed."""
        process = self.processes.get(name)
        if process is None:
            store = self.stores[name]
            store.revive() if isinstance(store, RedisServer) else store.start()
            return
        process.resume()
        if not process.is_running:
            process.start()
            process.wait_until_ready()

    def link(self, process: str, store: str) -> Any:
        """The way from a process to a store."""
        return self.proxy.links[f"{process}→{store}"]

    def lay_trap(self, process: str, step: str, signal_name: str) -> None:
        """The process will get this signal when it has done that step, once."""
        (self.traps / f"{process}.{step}").write_text(signal_name)

    def is_sprung(self, process: str, step: str) -> bool:
        """Whether the trap has caught the process; it is told once."""
        sprung = self.traps / f"{process}.{step}{SPRUNG}"
        found = sprung.exists()
        sprung.unlink(missing_ok=True)
        return found

    def lift_trap(self, process: str, step: str) -> None:
        """Nothing lies there any more."""
        (self.traps / f"{process}.{step}").unlink(missing_ok=True)

    def socket_url(self, project_id: str, gateway: str) -> str:
        """Where a widget of the project connects."""
        return f"ws://127.0.0.1:{self._ports[gateway]}/v1/socket?project={project_id}"

    def admin(self) -> httpx.AsyncClient:
        """A client of the admin API, as somebody who may do everything."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self._ports[DASHBOARD]}/api/v1",
            headers={"Authorization": f"Bearer {self.owner_key}"},
            timeout=8,
            verify=NO_TLS,
        )

    def _programs(self) -> dict[str, Sequence[str]]:
        programs: dict[str, Sequence[str]] = {}
        for program in (*WORKERS, BEAT):
            trapped = [part.replace("workers.app", _WORKER_APP) for part in program.arguments]
            for name in program.names():
                programs[name] = trapped if program is BEAT else (*trapped, "-n", f"{name}@%h")
        for name in GATEWAYS:
            programs[name] = (_GATEWAY, str(self._ports[name]))
        programs[DASHBOARD] = (_DASHBOARD, str(self._ports[DASHBOARD]))
        return programs

    def _environ(self, name: str) -> Mapping[str, str]:
        environ = {
            "WIDGET_AUTH_REDIS_URL": f"redis://127.0.0.1:{self._way(name, 'redis')}/0",
            "WIDGET_AUTH_BROKER_URL": f"redis://127.0.0.1:{self._way(name, 'broker')}/0",
            "WIDGET_AUTH_DATA_DIR": str(self.folder),
            "WIDGET_AUTH_SWEEP_SECONDS": str(SWEEP_SECONDS),
            "WIDGET_AUTH_NODE_ID": name,
            FOLDER_VARIABLE: str(self.traps),
            NAME_VARIABLE: name,
            **self._keys,
        }
        if name in GATEWAYS:
            return {key: text for key, text in environ.items() if "SEALING" not in key}
        url = self.database_url
        if self.kind == "postgresql":
            url = self.stores["sql"].url(self._way(name, "sql"))
        return {**environ, "WIDGET_AUTH_DATABASE_URL": url, "WIDGET_AUTH_SESSION_KEY": _key()}

    def _way(self, name: str, store: str) -> int:
        return self.proxy.link(f"{name}→{store}", self.stores[store].port).port


_WORKER_APP = "tests.chaos.entries.worker_app"
_DASHBOARD = "tests.chaos.entries.trapped_dashboard"
_GATEWAY = "tests.chaos.entries.trapped_gateway"


def _key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
