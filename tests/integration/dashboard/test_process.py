"""The dashboard as a process: the story of a secret, and what of it can be found afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from dashboard.wire import API_PREFIX
from domain.roles import Role
from services.api_keys import issue_api_key
from storage.sql.engine import Database, open_database
from storage.sql.tables import metadata
from tests.integration.dashboard.serving import (
    Caller,
    client_of,
    environment_of,
    nobody,
)
from tests.integration.scenes import ADMINISTRATOR, mint, open_transactor
from tests.servers.redis import RedisServer
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
START_SECONDS = 60.0
PORT_ATTEMPTS = 5
PROGRAM = """
import sys
from config.logs import configure_logs
from config.settings import DashboardSettings, load
from dashboard.server import run

settings = load(DashboardSettings)
configure_logs(settings.log_format, settings.log_level)
run(settings, host="127.0.0.1", port=int(sys.argv[1]))
"""


@dataclass
class Process:
    """A running dashboard, and where it logs to."""

    running: "subprocess.Popen[bytes]"
    client: httpx.Client
    log: Path

    def answers(self) -> bool:
        """Whether somebody listens there."""
        try:
            self.client.get("/")
        except httpx.TransportError:
            return False
        return True

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.running.poll() is not None

    def has_come_so_far(self) -> bool:
        """Whether it has got its port, or ended without."""
        return self.answers() or self.has_ended

    def caller(self, key: str | None) -> Caller:
        """Somebody with that key."""
        return Caller(self.client, key)

    def lines(self) -> list[dict[str, Any]]:
        """What it logged; every line is JSON, but one that is being written."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def requests(self, ids: Collection[str]) -> list[dict[str, Any]]:
        """The canonical lines of these requests."""
        lines = (line for line in self.lines() if line["event"] == "request_answered")
        return [line for line in lines if line["request_id"] in ids]


@contextmanager
def running_dashboard(database_url: str, redis_url: str, log: Path) -> Iterator[Process]:
    """A dashboard in a process of its own, on a port that nobody else took meanwhile."""
    with ExitStack() as stack:
        for _ in range(PORT_ATTEMPTS):
            process = stack.enter_context(_started(database_url, redis_url, log))
            wait_until(process.has_come_so_far, "a dashboard that serves or ends", START_SECONDS)
            if not process.has_ended:
                break
        yield process


@contextmanager
def _started(database_url: str, redis_url: str, log: Path) -> Iterator[Process]:
    """A dashboard that begins to serve, if it gets its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(port)],
            cwd=ROOT,
            env={**os.environ, **environment_of(database_url, redis_url)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        with client_of(f"http://127.0.0.1:{port}") as client:
            yield Process(running, client, log)
    finally:
        running.kill()
        running.wait()


@pytest.fixture(scope="module")
def process(
    kept_database_url: str, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A dashboard for the tests here, on each kind of database."""
    log = tmp_path_factory.mktemp("dashboard") / "dashboard.log"
    with running_dashboard(kept_database_url, redis_server.url, log) as process:
        yield process


@pytest.fixture
def database(kept_database_url: str) -> Iterator[Database]:
    """The same database, opened by the test."""
    opened = open_database(kept_database_url)
    yield opened
    opened.close()


def test_a_secret_is_seen_once(
    process: Process, database: Database, redis_server: RedisServer
) -> None:
    """In the one answer that shows it, and then in no answer, row, key, message or log line."""
    transactor, _ = open_transactor(database)
    issued = transactor.run(lambda t: issue_api_key(t, None, "owner", Role.OWNER, ADMINISTRATOR))
    owner = process.caller(issued.text)
    project_id = owner.post("/projects", json={"name": "Bakery"}).json()["id"]
    path = f"/projects/{project_id}"

    shown = [owner.post(f"{path}/secrets").json() for _ in range(2)]
    secrets = [each["secret"] for each in shown]
    tokens = [mint(secret, "ada", name="Ada Lovelace") for secret in secrets]
    for token in tokens:
        owner.post(f"{path}/tokens/inspect", json={"token": token})
        owner.post(f"{path}/tokens/inspect", json={"token": token, "tok": token})
        owner.post(f"{path}/secrets", json={"reason": token, "expect_active_key_id": 5})
        owner.get(f"{path}/visitors", params={"custom_id": token[:200], "api_key": issued.text})
    told = [
        owner.get(each)
        for each in (
            "/projects",
            path,
            *(f"{path}/{kind}" for kind in ("secrets", "rotations", "audit", "visitors")),
            *(f"{path}/{kind}" for kind in ("sessions", "impact")),
            f"{path}/rotations/{shown[1]['rotation']['id']}",
            f"{path}/secrets/{shown[0]['key_id']}",
            "/openapi.json",
        )
    ]

    places = [answer.text for answer in told]
    places += [process.log.read_text(), _dump(database), _dump_redis(redis_server)]
    for place in places:
        for hidden in (*secrets, *tokens, *(token.split(".")[1] for token in tokens), issued.text):
            assert hidden not in place
    assert "Lovelace" not in process.log.read_text()
    assert project_id in _dump(database)  # it does look into the rows


def test_each_request_leaves_one_line(process: Process, database: Database) -> None:
    """Method, template of the route, status, time, who: nothing of paths, queries or bodies."""
    transactor, _ = open_transactor(database)
    issued = transactor.run(lambda t: issue_api_key(t, None, "owner", Role.OWNER, ADMINISTRATOR))
    owner, stranger = process.caller(issued.text), process.caller(None)
    project_id = nobody()

    answers = [
        owner.get(f"/projects/{project_id}", params={"cursor": "SECRETQUERY"}),
        stranger.get("/projects/SECRETPATH"),
        owner.get("/SECRETPATH"),
        owner.post("/projects", json={"name": "SECRETBODY\0"}),
    ]

    ids = [answer.headers["x-request-id"] for answer in answers]
    wait_until(lambda: {line["request_id"] for line in process.requests(ids)} == {*ids})
    lines = process.requests(ids)
    one = f"{API_PREFIX}/projects/{{project_id}}"
    actor = f"api_key:{issued.stored.id}"
    assert [(each["method"], each["route"], each["status"], each["actor"]) for each in lines] == [
        ("GET", one, 404, actor),
        ("GET", one, 401, None),
        ("GET", "unmatched", 404, None),
        ("POST", f"{API_PREFIX}/projects", 422, actor),
    ]
    assert all(each["ms"] >= 0 for each in lines)
    assert [line["request_id"] for line in lines] == ids
    assert "SECRET" not in process.log.read_text()
    assert project_id not in process.log.read_text()


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """Within seconds and with nothing to complain about, though its stores never answered."""
    log = tmp_path / "dashboard.log"
    with running_dashboard("sqlite:////nowhere/x.sqlite", "redis://127.0.0.1:1", log) as process:
        process.running.send_signal(signal.SIGTERM)
        process.running.wait(START_SECONDS)
        assert not process.answers()

    assert {line["level"] for line in process.lines()} == {"info"}


def _dump(database: Database) -> str:
    with database.reading() as db:
        return "\n".join(
            repr(row) for table in metadata.sorted_tables for row in db.execute(sa.select(table))
        )


def _dump_redis(server: RedisServer) -> str:
    import redis  # noqa: PLC0415 - the module, beside the fixtures of that name

    everything = []
    for number in (0, 1):
        with redis.Redis.from_url(server.url, db=number) as client:
            for key in client.scan_iter():
                everything += [repr(key), repr(client.dump(key))]
                if client.type(key) == b"list":
                    everything.append(repr(client.lrange(key, 0, -1)))
    return "\n".join(everything)
