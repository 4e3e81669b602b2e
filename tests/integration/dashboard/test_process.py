"""The dashboard as a process: the story of a secret, and what of it can be found afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from dashboard.wire import API_PREFIX
from domain.roles import Role
from services.access import issue_api_key
from storage.sql.engine import Database, open_database
from storage.sql.tables import metadata
from tests.integration.dashboard.serving import (
    Caller,
    client_of,
    environment_of,
    nobody,
    wait_until,
)
from tests.integration.scenes import ADMINISTRATOR, mint, open_transactor
from tests.servers.redis import RedisServer

ROOT = Path(__file__).parents[3]
START_SECONDS = 30.0
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

    def caller(self, key: str | None) -> Caller:
        """Somebody with that key."""
        return Caller(self.client, key)

    def lines(self) -> list[dict[str, Any]]:
        """What it logged; every line is JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        """The canonical line of every request."""
        return [line for line in self.lines() if line["event"] == "request_answered"]


@contextmanager
def running_dashboard(database_url: str, redis_url: str, log: Path) -> Iterator[Process]:
    """A dashboard in a process of its own."""
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
            wait_until(lambda: answers(client), START_SECONDS)
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


def answers(client: httpx.Client) -> bool:
    """Whether somebody listens there."""
    try:
        client.get("/")
    except httpx.TransportError:
        return False
    return True


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
    before = len(process.requests())
    project_id = nobody()

    owner.get(f"/projects/{project_id}", params={"cursor": "SECRETQUERY"})
    stranger.get("/projects/SECRETPATH")
    owner.get("/SECRETPATH")
    asked = [owner.post("/projects", json={"name": "SECRETBODY\0"})]

    wait_until(lambda: len(process.requests()) == before + 4)
    lines = process.requests()[before:]
    one = f"{API_PREFIX}/projects/{{project_id}}"
    actor = f"api_key:{issued.stored.id}"
    assert [(each["method"], each["route"], each["status"], each["actor"]) for each in lines] == [
        ("GET", one, 404, actor),
        ("GET", one, 401, None),
        ("GET", "unmatched", 404, None),
        ("POST", f"{API_PREFIX}/projects", 422, actor),
    ]
    assert all(each["ms"] >= 0 for each in lines)
    assert lines[-1]["request_id"] == asked[0].headers["x-request-id"]
    assert "SECRET" not in process.log.read_text()
    assert project_id not in process.log.read_text()


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """Within seconds and with nothing to complain about, though its stores never answered."""
    log = tmp_path / "dashboard.log"
    with running_dashboard("sqlite:////nowhere/x.sqlite", "redis://127.0.0.1:1", log) as process:
        process.running.send_signal(signal.SIGTERM)
        process.running.wait(10)
        assert not answers(process.client)

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
