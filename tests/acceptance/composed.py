"""docker-compose.yml without Docker: its commands, its environments and its proxy, on loopback."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx

from tests.acceptance.processes import ROOT, RunningProcess
from tests.acceptance.system import make_owner
from tests.containers import Service, environment_of, new_env_file, read_services, read_stages
from tests.servers.forks import Launcher
from tests.servers.plain_http import NO_TLS
from tests.servers.ports import free_port

HEALTH_SECONDS = 60
STOP_SECONDS = 60


class Composed:
    """The services that are ours, and the proxy, running as the file says. A context manager.

    Args:
        addresses: the URLs of real stores, by the name of the service that they stand for.
        folder: for logs and what the proxy needs.
        launcher: forks the processes, but for the gateways.
    """

    def __init__(self, addresses: Mapping[str, str], folder: Path, launcher: Launcher) -> None:
        self._launcher = launcher
        self._folder = folder
        self._addresses = addresses
        self._env_file = new_env_file() | {"WIDGET_AUTH_SWEEP_SECONDS": "1"}
        self._services = read_services()
        self._ports = {name: free_port() for name in ("gateway", "dashboard", "proxy")}
        self._stack = ExitStack()
        self.processes: dict[str, RunningProcess] = {}

    def __enter__(self) -> Self:
        try:
            self._migrate()
            self.owner_key = make_owner(self._addresses["postgres"])
            self._start()
            self._start_proxy()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.begin_to_stop()
        self._stack.close()

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self._ports['proxy']}"

    def socket_url(self, project_id: str) -> str:
        """Where a widget of the project connects."""
        return f"ws://127.0.0.1:{self._ports['proxy']}/v1/socket?project={project_id}"

    def admin(self, api_key: str) -> httpx.Client:
        """A client of the admin API."""
        headers = {"Authorization": f"Bearer {api_key}"}
        url = f"{self.url}/api/v1"
        return httpx.Client(base_url=url, headers=headers, timeout=60, verify=NO_TLS)

    def is_healthy(self, service: str) -> bool:
        """What the health check of the service's image says."""
        shape = self._services[service]["build"]["target"]
        [check] = [line for line in read_stages()[shape] if line.startswith("HEALTHCHECK")]
        asked = re.findall(r'"([^"]+)"', check)[3]
        if service in self._ports:
            asked = re.sub(r":\d+/", f":{self._ports[service]}/", asked)
        command = [sys.executable, "-m", "deploy.healthy", asked]
        return (
            subprocess.run(
                command,
                env=self._environment(service),
                cwd=ROOT,
                timeout=HEALTH_SECONDS,
                capture_output=True,
                check=False,
            ).returncode
            == 0
        )

    def add_administrator(self, project_id: str, email: str, password: str) -> None:
        """Somebody may sign in to the project's dashboard."""
        words = ["member", "add", project_id, email, "--role", "administrator", "--password-stdin"]
        subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            input=password.encode(),
            env=self._environment("dashboard"),
            cwd=ROOT,
            check=True,
            capture_output=True,
        )

    def _migrate(self) -> None:
        command = [sys.executable, "-m", *self._services["migrate"]["command"]]
        environ = self._environment("migrate")
        subprocess.run(command, env=environ, cwd=ROOT, check=True, capture_output=True)

    def _start(self) -> None:
        for service, facts in self._services.items():
            if "build" in facts and service != "migrate":
                for number in range(facts.get("deploy", {}).get("replicas", 1)):
                    self._start_one(f"{service}-{number}", service)
        for process in self.processes.values():
            process.wait_until_ready()

    def _start_one(self, name: str, service: str) -> None:
        arguments = [
            "127.0.0.1" if word == "0.0.0.0" else word  # noqa: S104
            for word in self._services[service]["command"]
        ]
        if service in self._ports:
            arguments += ["--port", str(self._ports[service])]
        elif service not in {"beat", "verification"}:
            # In containers each has a host name of its own; here one alone may go without.
            arguments += ["-n", f"{name}@%h"]
        launcher = None if service == "gateway" else self._launcher
        environ = self._environment(service)
        process = RunningProcess(name, arguments, environ, self._folder, launcher)
        self._stack.callback(_end, process.start())
        self.processes[name] = process

    def _environment(self, service: str) -> dict[str, str]:
        facts: Service = self._services[service]
        environ = {
            name: self._at_home(value)
            for name, value in environment_of(facts, self._env_file).items()
        }
        return {"PATH": os.environ["PATH"], **environ}

    def _at_home(self, value: str) -> str:
        found = re.search(r"@(\w+):\d+/", value)
        return self._addresses[found[1]] if found else value

    def _start_proxy(self) -> None:
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for name, port in (("gateway", 8401), ("dashboard", 8402)):
            text = text.replace(f"{name}:{port};", f"127.0.0.1:{self._ports[name]};")
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{self._ports['proxy']};")
        text = text.replace("/tmp/", f"{self._folder}/")  # noqa: S108
        configuration = self._folder / "nginx.conf"
        configuration.write_text(text)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        process = subprocess.Popen([nginx, "-c", configuration, "-g", "daemon off;"])
        self._stack.callback(process.wait, STOP_SECONDS)
        self._stack.callback(process.terminate)


def _end(process: RunningProcess) -> None:
    if process.process.poll() is None:
        process.stop()
