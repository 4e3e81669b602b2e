"""`widget-auth` as the installed program: what it loads, what it leaves, how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.acceptance.processes import RunningProcess
from tests.integration.cli.commands import DEADLINE_SECONDS, CommandLine, Finished
from tests.integration.scenes import mint
from tests.servers.forks import Launcher
from tests.servers.ports import free_port
from tests.waiting import SECONDS, wait_until

TELLING = "tests.integration.cli.telling"
HEAVY = ("sqlalchemy", "celery", "redis", "pydantic", "fastapi", "jwt", "rich", "structlog")
NOT_FOR_GATEWAYS = ("DATABASE_URL", "SEALING_KEYS", "SESSION_KEY")
GATEWAY_MUST_NOT_HAVE = ("sqlalchemy", "psycopg", "services", "storage.sql", "argon2", "fastapi")


class Start(Protocol):
    """Starts a process that says when it is ready; it is gone when the test is over."""

    def __call__(
        self, *arguments: str, without: Sequence[str] = (), launcher: Launcher | None = None
    ) -> RunningProcess:
        """It is ready. Settings may be left out."""


@pytest.fixture
def start(sqlite_cli: CommandLine, tmp_path: Path) -> Iterator[Start]:
    """Starts processes of the system."""
    started: list[RunningProcess] = []

    def start(
        *arguments: str, without: Sequence[str] = (), launcher: Launcher | None = None
    ) -> RunningProcess:
        environ = {
            f"WIDGET_AUTH_{name}": "" if name in without else value
            for name, value in sqlite_cli.environment.items()
        }
        process = RunningProcess(arguments[0], arguments, environ, tmp_path, launcher).start()
        started.append(process)
        process.wait_until_ready()
        return process

    yield start
    for process in started:
        process.kill()


def test_help_loads_next_to_nothing() -> None:
    """Asking for help does not wait for databases, queues or web servers to be loaded."""
    program = "import sys; from cli.main import run; run(sys.argv[1:]); print(*sys.modules)"

    for words in (["--help"], ["secret", "--help"], ["nonsense"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.splitlines()[-1].split())
        assert not loaded & set(HEAVY), words


def test_installed_program_does_the_whole_story(sqlite_cli: CommandLine) -> None:
    """From a secret to a token to the end of both, with nothing but the command line."""
    sqlite_cli("project", "create", "Shop")
    first = sqlite_cli.as_process("secret", "rotate", "Shop", "--yes", "--json").document
    mint_ = ("token", "mint", "Shop", "--custom-id", "ada", "--secret-stdin")
    token = sqlite_cli.as_process(*mint_, stdin=first["secret"]).out

    second = sqlite_cli("secret", "rotate", "Shop", "--yes", "--json")

    assert second.err == ""
    assert second.document["rotation"]["state"] == "cutting"
    inspect = ("token", "inspect", "Shop", "--token-stdin", "--json")
    seen = sqlite_cli(*inspect, stdin=token).document
    assert seen["code"] == "key_revoked"


def test_plain_text_is_the_same_for_every_reader(sqlite_cli: CommandLine) -> None:
    """Where nobody looks there are no frames or colours: tabs between, one line each."""
    made = sqlite_cli("project", "create", "Shop", "--json").document["project"]

    listed = sqlite_cli("project", "list").out

    head, line = listed.splitlines()
    assert head == "ID\tNAME\tTIME ZONE\tCREATED"
    assert line == f"{made['id']}\tShop\tUTC\t{made['created_at']}"


def test_reader_that_goes_away_is_no_failure_to_speak_of(sqlite_cli: CommandLine) -> None:
    """As with `| head`: no traceback, no complaint."""
    sqlite_cli("project", "create", "Shop")
    (sqlite_cli.folder / "secret").write_text("s" * 64)
    mint_ = ("token", "mint", "Shop", "--custom-id", "a", "--secret-file", "secret")
    for arguments in (("project", "list"), mint_):
        reading, writing = os.pipe()
        os.close(reading)
        with sqlite_cli.start(*arguments, stdout=writing, stderr=subprocess.PIPE) as process:
            os.close(writing)
            _, err = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, err) == (1, b"")


def test_output_in_another_encoding_is_escaped(sqlite_cli: CommandLine) -> None:
    """A terminal that knows no accents shows their numbers; nothing fails after the commit."""
    variables = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = sqlite_cli.start(
        *("project", "create", "Café"), variables=variables, stdout=subprocess.PIPE
    )
    out, _ = process.communicate(timeout=DEADLINE_SECONDS)

    assert process.returncode == 0
    assert b"name: Caf\\xe9\n" in out


def test_no_argument_of_a_running_command_is_secret(sqlite_cli: CommandLine) -> None:
    """What other users of the machine can see of it names files and flags only."""
    sqlite_cli("project", "create", "Shop")
    mint_ = ("token", "mint", "Shop", "--custom-id", "a", "--secret-stdin")
    process = sqlite_cli.start(*mint_, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    arguments = _read_arguments(process.pid)
    out, _ = process.communicate(b"s" * 64, timeout=DEADLINE_SECONDS)

    assert process.returncode == 0
    assert arguments[-6:] == list(mint_)
    assert b"s" * 64 not in out


def test_gateway_holds_no_sql_and_ends_well(start: Start, tmp_path: Path) -> None:
    """A running gateway has neither a database driver nor use cases loaded; Ctrl-C ends it well."""
    program = (TELLING, str(tmp_path / "modules"))
    gateway = start(*program, "gateway", "--port", str(free_port()), without=NOT_FOR_GATEWAYS)

    gateway.process.send_signal(signal.SIGUSR1)
    modules = _read_modules(tmp_path / "modules")

    assert {"gateway.node", "picows"} <= modules
    assert not modules & set(GATEWAY_MUST_NOT_HAVE)
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.process.wait(SECONDS) == 0
    assert "Traceback" not in gateway.log_text()


def test_one_port_serves_gateway_and_dashboard(
    start: Start, sqlite_cli: CommandLine, launcher: Launcher
) -> None:
    """Sockets and health are the gateway's, everything else the dashboard's; SIGTERM ends both."""
    made = sqlite_cli("project", "create", "Shop", "--json").document
    address = f"127.0.0.1:{free_port()}"
    web = start("cli.all_in_one", "--port", address.split(":")[1], launcher=launcher)
    base = f"http://{address}"

    assert _get(f"{base}/readyz") == {"ready": True}
    listed = _get(f"{base}/api/v1/projects", made["api_key"])
    assert [item["id"] for item in listed["items"]] == [made["project"]["id"]]
    assert set(_get(f"{base}/api/v1/openapi.json")) >= {"openapi", "paths"}
    url = f"ws://{address}/v1/socket?project={made['project']['id']}"
    protocols, patience = [Subprotocol("widget-auth.v1")], SECONDS
    with connect(url, subprotocols=protocols, proxy=None, open_timeout=patience) as socket:
        socket.send('{"type":"hello"}')
        assert json.loads(socket.recv(SECONDS))["type"] == "welcome"
        seen = sqlite_cli("sessions", "Shop", "--json").document
        assert (seen["total"], seen["by_key"]) == (1, {"anonymous": 1})
    assert web.stop() == 0


def test_logs_of_the_dashboard_are_json_and_secretless(
    start: Start, sqlite_cli: CommandLine, launcher: Launcher, tmp_path: Path
) -> None:
    """What it writes while a secret and a token pass through it holds neither of them."""
    made = sqlite_cli("project", "create", "Shop", "--json").document
    port = free_port()
    program = (TELLING, str(tmp_path / "modules"))
    dashboard = start(*program, "dashboard", "--port", str(port), launcher=launcher)
    project = f"http://127.0.0.1:{port}/api/v1/projects/{made['project']['id']}"

    secret = _get(f"{project}/secrets", made["api_key"], body={})["secret"]
    token = mint(secret, "ada")
    _get(f"{project}/tokens/inspect", made["api_key"], body={"token": token})

    assert dashboard.stop() == 0
    lines = dashboard.log_text().splitlines()
    assert any(json.loads(line)["event"] == "request_answered" for line in lines)
    assert not any(word in line for line in lines for word in (secret, token, made["api_key"]))


def test_port_in_use_is_named(
    sqlite_cli: CommandLine, redis_url: str, launcher: Launcher, tmp_path: Path
) -> None:
    """Who cannot listen says where and what to do, and ends with 2."""
    taken = str(urlsplit(redis_url).port)
    settings = sqlite_cli.environment.items()
    program = (TELLING, str(tmp_path / "modules"))

    def serve(*arguments: str, without: Sequence[str] = ()) -> Finished:
        environ = {f"WIDGET_AUTH_{name}": text for name, text in settings if name not in without}
        command = (*program, *arguments, "--json")
        done = launcher.run(command, environ, "", DEADLINE_SECONDS)
        return Finished(done.returncode, done.stdout, done.stderr)

    # The gateway starts itself anew where it has been given what it need not know.
    gateway = serve("gateway", "--port", taken, without=NOT_FOR_GATEWAYS)
    for refused in (gateway, serve("dashboard", "--port", taken)):
        assert refused.error == (2, "cannot_listen")
        assert taken in refused.document["error"]["message"]
    nowhere = serve("dashboard", "--host", "nowhere.invalid", "--port", taken)
    assert nowhere.error == (2, "cannot_listen")


def _get(url: str, api_key: str = "", body: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    with httpx.Client(trust_env=False, headers=headers, timeout=SECONDS) as client:
        answer = client.get(url) if body is None else client.post(url, json=body)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document


def _read_arguments(pid: int) -> list[str]:
    file = Path(f"/proc/{pid}/cmdline")
    wait_until(file.read_text)  # empty while the program starts
    return file.read_text().split("\0")[:-1]


def _read_modules(file: Path) -> set[str]:
    wait_until(file.exists)  # it is moved there whole
    return set(json.loads(file.read_text()))
