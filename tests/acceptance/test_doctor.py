"""Whether somebody who looks sees what is wrong, and can put it right."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from config.celery_app import make_celery
from config.queues import QUEUE_OF, QUEUES, REVOCATION, TOKENS_REVOKE, VISITORS_VERIFY
from config.setting_values import broker_beside
from domain.alarms import AlarmKind
from domain.ids import ProjectId
from domain.sealing import SecretSealer
from services.alarms import WATCHED_QUEUES, read_alarms
from services.stores import Stores
from services.transactions import Transactor
from storage.redis import publications
from storage.redis.client import connect
from storage.sql.engine import open_database
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.waiting import wait_until

SECONDS = 60.0
MARK = "nobody-may-read-this"


@pytest.fixture
def stores(system: System) -> Iterator[Stores]:
    """What the system's processes share."""
    database = open_database(system.environ["WIDGET_AUTH_DATABASE_URL"])
    redis = connect(system.environ["WIDGET_AUTH_REDIS_URL"])
    opened = Stores(Transactor(database, lambda *_: None), redis, SecretSealer((b"-" * 32,)))
    yield opened
    opened.close()


def kinds(stores: Stores) -> set[tuple[AlarmKind, str | None]]:
    """The alarms that stand, each with what it is about."""
    return {(alarm.kind, alarm.reference) for alarm in read_alarms(stores)}


def silent(stores: Stores) -> set[str | None]:
    """The queues that run nothing."""
    return {about for kind, about in kinds(stores) if kind is AlarmKind.QUEUE_SILENT}


def examined(system: System, wrong: set[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """With which code `doctor` ended, and its checks by name, once just these fail.

    On a busy machine a queue may be silent for a moment. The PostgreSQL of the tests keeps no
    commit through a power cut.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        done = system.run_cli("doctor", "--json")
        document = json.loads(done.stdout)
        assert document["ok"] is (done.returncode == 0)
        checks = {check["name"]: check for check in document["checks"]}
        failed = {name for name, check in checks.items() if not check["ok"]}
        if failed - {"database_durability"} == wrong:
            return done.returncode, checks
        assert time.monotonic() < deadline, failed


@contextmanager
def paused(system: System, queue: str) -> Iterator[None]:
    """No worker of the queue does anything."""
    workers = [p for name, p in system.processes.items() if name.startswith(queue)]
    for worker in workers:
        worker.pause()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


def test_every_queue_is_watched() -> None:
    """A queue more would have to be looked at too."""
    assert WATCHED_QUEUES == QUEUES


def test_the_doctor_names_the_queue_that_runs_nothing(system: System, stores: Stores) -> None:
    """All is well; without revocation workers it is not, and the exit code says so."""
    wait_until(lambda: not silent(stores))
    code, checks = examined(system, wrong=set())
    is_kept = checks["database_durability"]["ok"]
    assert is_kept is stores.database.is_sqlite
    assert code == (0 if is_kept else 1)
    assert checks["broker"] | {"message": ""} == {
        "name": "broker",
        "ok": True,
        "level": "warning",
        "message": "",
    }

    with paused(system, REVOCATION):
        wait_until(lambda: silent(stores) == {REVOCATION})
        code, checks = examined(system, wrong={f"queue_{REVOCATION}"})
        assert code == 1
        assert f"-Q {REVOCATION}" in checks[f"queue_{REVOCATION}"]["message"]
    wait_until(lambda: not silent(stores))


def test_a_project_that_redis_is_ahead_of_waits_for_an_operator(
    system: System, site: Site, stores: Stores
) -> None:
    """Nobody signs in to it, everybody to others; settled, it works with its new secret."""
    other, project_id = make_site(system), ProjectId(site.project_id)
    assert asyncio.run(_answer(site)) == "signed_in"
    publications.raise_epoch(stores.redis, project_id, 7)  # SQL has lost six regenerates

    assert asyncio.run(_answer(site)) == "unavailable"
    assert asyncio.run(_answer(other)) == "signed_in"
    halted = [AlarmKind.PROJECT_HALTED]
    wait_until(lambda: [alarm.kind for alarm in read_alarms(stores, project_id)] == halted)

    settled = system.cli("project", "settle", site.project_id, "--yes")
    assert asyncio.run(_answer(site)) == "key_revoked"
    site.secret = settled["secret"]
    assert asyncio.run(_answer(site)) == "signed_in"
    assert settled["epoch"] == 8
    site.completed_receipt(settled["rotation"]["id"])
    assert read_alarms(stores, project_id) == []


async def _answer(site: Site) -> str:
    async with site.widget() as widget:
        answer = await widget.sign_in(site.token())
        return str(answer.get("code", answer["type"]))


def test_poison_is_listed_without_what_it_held(system: System, stores: Stores) -> None:
    """Messages that no task understands are gone from the queue and on the list, once a kind."""
    send_poison(system)
    expected = {
        ("unknown", "task_unknown"),
        ("unknown", "no_task"),
        (TOKENS_REVOKE, "body_unreadable"),
        (TOKENS_REVOKE, "arguments_unknown"),
        (TOKENS_REVOKE, "event_unconfirmed"),
        (VISITORS_VERIFY, "request_malformed"),
        (VISITORS_VERIFY, "token_not_opened"),
        (VISITORS_VERIFY, "TypeError"),
    }
    wait_until(lambda: len([kind for kind, _ in kinds(stores) if kind is _PARKED]) == len(expected))

    listed = system.cli("outbox", "list", "--parked")

    assert {(m["task"], m["because"]) for m in listed["messages"]} == expected
    assert MARK not in json.dumps(listed)
    assert MARK not in system.logs()
    system.cli("outbox", "dismiss", "--all")
    assert _PARKED not in {kind for kind, _ in kinds(stores)}


_PARKED = AlarmKind.MESSAGE_PARKED


def send_poison(system: System) -> None:
    """Messages of eight kinds lie in two queues."""
    app = make_celery(broker_beside(system.environ["WIDGET_AUTH_REDIS_URL"]))
    arguments = dict.fromkeys(("event_id", "project_id", "rotation_id"), MARK[:8])
    request = {"request_id": "r", "project_id": str(uuid.uuid4()), "node_id": "nowhere"}
    with app.connection_for_write() as connection:
        producer = connection.Producer()
        for headers, body in (
            ({"task": f"made.up.{MARK}", "id": "1"}, json.dumps([[], {"a": MARK}, {}])),
            ({}, json.dumps({"a": MARK})),
            ({"task": TOKENS_REVOKE, "id": "2"}, "{" + MARK),
            ({"task": TOKENS_REVOKE, "id": "3"}, json.dumps([[], {"token": MARK}, {}])),
            ({"task": TOKENS_REVOKE, "id": "4"}, json.dumps([[], arguments, {}])),
            *(
                ({"task": VISITORS_VERIFY, "id": "5"}, json.dumps([[], {"requests": bad}, {}]))
                for bad in ([MARK], [{**request, "token": f"sealed:{MARK}"}], 5)
            ),
        ):
            producer.publish(
                body.encode(),
                routing_key=QUEUE_OF.get(headers.get("task", ""), REVOCATION),
                headers=headers,
                content_type="application/json",
                content_encoding="utf-8",
            )
