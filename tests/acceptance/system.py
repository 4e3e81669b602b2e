"""The whole system as a deployment runs it: every process for itself, real stores, real ports."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from cli.gateway_command import KEPT_FROM_IT
from cli.processes import BEAT, WORKERS, Program
from config.settings import setting_name
from domain.roles import Actor, Role
from services.api_keys import issue_api_key
from services.transactions import Transactor
from storage.sql.engine import open_database
from tests.acceptance.processes import ROOT, RunningProcess
from tests.published import recorded_tasks
from tests.published.queues import hold_events, hold_tasks
from tests.servers.forks import Launcher
from tests.servers.plain_http import NO_TLS
from tests.servers.ports import free_port

COMMAND_SECONDS = 100.0


class System:
    """Gateway, dashboard, workers and beat over one database and one Redis. A context manager.

    Args:
        launcher: forks the processes, which is quick; without one each is a Python of its own.
        not_forked: the names of those that are a Python of their own all the same.
    """

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        folder: Path,
        *,
        gateways: int = 1,
        settings: Mapping[str, str] | None = None,
        launcher: Launcher | None = None,
        not_forked: Collection[str] = (),
    ) -> None:
        self._launcher = launcher
        self._not_forked = not_forked
        self.environ = {
            "WIDGET_AUTH_DATABASE_URL": database_url,
            "WIDGET_AUTH_REDIS_URL": redis_url,
            "WIDGET_AUTH_DATA_DIR": str(folder),
            "WIDGET_AUTH_LOG_LEVEL": "info",
            "WIDGET_AUTH_SWEEP_SECONDS": "1",
            **{f"WIDGET_AUTH_{name}_KEYS": _key() for name in ("SEALING", "QUEUE", "DEVICE")},
            "WIDGET_AUTH_SESSION_KEY": _key(),
            recorded_tasks.FOLDER_VARIABLE: str(folder),
            **(settings or {}),
        }
        self.folder = folder
        self.owner_key = make_owner(database_url)
        self._ports = {f"gateway-{n}": free_port() for n in range(1, gateways + 1)}
        self._ports["dashboard"] = free_port()
        self.processes: dict[str, RunningProcess] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.start(self._programs())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.begin_to_stop()
        self._stack.close()
        hold_tasks(self.folder)
        hold_events(self.environ["WIDGET_AUTH_DATABASE_URL"])

    def start(self, programs: Mapping[str, Sequence[str]]) -> None:
        """These processes run and are ready."""
        started = []
        for name, arguments in programs.items():
            process = RunningProcess(
                name, arguments, self._environ(name), self.folder, self._launcher_of(name)
            ).start()
            self._stack.callback(_end, process)
            self.processes[name] = process
            started.append(process)
        for process in started:
            process.wait_until_ready()

    def restart(self, name: str) -> None:
        """The process of that name runs anew, where it did before."""
        self.start({name: self._programs()[name]})

    def _programs(self) -> dict[str, Sequence[str]]:
        programs: dict[str, Sequence[str]] = {}
        for program in (*WORKERS, BEAT):
            for name in program.names():
                programs[name] = (*program.arguments, *_worker_options(program, name))
        for name, port in self._ports.items():
            command = name.split("-", maxsplit=1)[0]
            programs[name] = ("cli.main", command, "--port", str(port))
        return programs

    def _launcher_of(self, name: str) -> Launcher | None:
        return None if name in self._not_forked else self._launcher

    def _environ(self, name: str) -> Mapping[str, str]:
        if self._launcher_of(name) is None or not name.startswith("gateway"):
            return self.environ
        # It would start itself anew without these, as a Python of its own.
        kept_from_it = {setting_name(setting) for setting in KEPT_FROM_IT}
        return {key: text for key, text in self.environ.items() if key not in kept_from_it}

    def socket_url(self, project_id: str, gateway: int = 1) -> str:
        """Where a widget of the project connects."""
        port = self._ports[f"gateway-{gateway}"]
        return f"ws://127.0.0.1:{port}/v1/socket?project={project_id}"

    def gateway_url(self, gateway: int = 1) -> str:
        """The gateway's HTTP."""
        return f"http://127.0.0.1:{self._ports[f'gateway-{gateway}']}"

    @property
    def dashboard_url(self) -> str:
        """The dashboard's HTTP."""
        return f"http://127.0.0.1:{self._ports['dashboard']}"

    def admin(self, api_key: str) -> httpx.Client:
        """A client of the admin API."""
        return httpx.Client(
            base_url=f"{self.dashboard_url}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=60,
            verify=NO_TLS,
        )

    def cli(self, *arguments: str, stdin: str = "") -> Any:
        """What a command of the command line answered, as JSON."""
        done = self.run_cli(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def run_cli(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """A command of the command line, ended."""
        if self._launcher:
            command = ("cli.main", *arguments)
            return self._launcher.run(command, self.environ, stdin, COMMAND_SECONDS)
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environ},
            cwd=ROOT,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def logs(self) -> str:
        """All that every process has written so far."""
        return "".join(process.log_text() for process in self.processes.values())


def _worker_options(program: Program, name: str) -> tuple[str, ...]:
    """Several workers on one machine need different names; what they take is written down."""
    if program is BEAT:
        return ()
    return ("-n", f"{name}@%h", "--include", recorded_tasks.__name__)


def _end(process: RunningProcess) -> None:
    if process.process.poll() is None:
        process.stop()


def make_owner(database_url: str) -> str:
    """The API key of somebody who may do everything."""
    database = open_database(database_url)
    transactor = Transactor(database, lambda _kind, _payload: None)
    actor = Actor("test:owner")
    key = transactor.run(lambda t: issue_api_key(t, None, "tests", Role.OWNER, actor)).text
    database.close()
    return key


def _key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
