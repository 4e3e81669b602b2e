"""One person on 64 devices at the same instant, through four real worker processes."""

import os
import queue
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from cli.processes import WORKERS
from config.celery_app import make_celery
from config.publisher import Publisher
from config.queues import VERIFICATION, VISITORS_VERIFY
from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId, NodeId
from domain.times import to_wire
from services.store_messages import MessageRequest, MessageStore
from storage.redis import keys
from storage.sql import messages, visitors
from storage.sql.engine import Database
from tests.acceptance.processes import RunningProcess
from tests.integration.cli.conftest import settings_for
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import DEVICES, mint, new_device
from tests.servers.forks import Launcher

DEVICES_AT_ONCE = 64
ROUNDS = 100 if os.environ.get("WIDGET_AUTH_LONG_TESTS") else 3
NODE = NodeId("node-of-the-test")
SECONDS = 60.0


@dataclass
class Farm:
    """Four verification workers, and the test in the place of a gateway node."""

    site: PeopleSite
    publisher: Publisher
    answers: "queue.Queue[dict[str, Any]]"
    workers: list[RunningProcess]

    def sign_in_at_once(self, custom_id: str, devices: list[DeviceId]) -> list[dict[str, Any]]:
        """What each is answered; every request is a message of its own."""
        token = mint(self.site.secret, custom_id)
        threads = [threading.Thread(target=self._ask, args=(token, device)) for device in devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [self.answers.get(timeout=SECONDS) for _ in devices]

    def _ask(self, token: str, device: DeviceId) -> None:
        now = datetime.now(UTC)
        request = {
            "request_id": secrets.token_hex(8),
            "project_id": self.site.project_id,
            "session_id": secrets.token_hex(8),
            "device_id": device,
            "node_id": NODE,
            "token": token,
            "received_at": to_wire(now),
        }
        payload = {"deadline": to_wire(now + timedelta(seconds=SECONDS)), "requests": [request]}
        self.publisher(VISITORS_VERIFY, {**payload, "batch_id": secrets.token_hex(8)})


@pytest.fixture
def farm(
    database_url: str, database: Database, redis_url: str, launcher: Launcher, tmp_path: Path
) -> Iterator[Farm]:
    """The workers run, on each database in turn."""
    settings = {**settings_for(database_url, redis_url), "ACCEPT_PLAIN_TOKENS": "1"}
    environ = {f"WIDGET_AUTH_{name}": value for name, value in settings.items()}
    environ["WIDGET_AUTH_BROKER_URL"] = redis_url
    [program] = [program for program in WORKERS if program.name == VERIFICATION]
    workers = [
        RunningProcess(
            name, (*program.arguments, "-n", f"{name}@%h"), environ, tmp_path, launcher
        ).start()
        for name in (f"verifier-{number}" for number in range(1, 5))
    ]
    answers: queue.Queue[dict[str, Any]] = queue.Queue()
    publisher = Publisher(make_celery(redis_url))
    ears = _listen(redis_url, answers)
    try:
        for worker in workers:
            worker.wait_until_ready()
        yield Farm(PeopleSite(database), publisher, answers, workers)
    finally:
        for worker in workers:
            worker.begin_to_stop()
        for worker in workers:
            worker.stop()
        ears.stop()
        ears.join()
        publisher.close()


def _listen(redis_url: str, answers: "queue.Queue[dict[str, Any]]") -> Any:
    pubsub = redis.Redis.from_url(redis_url).pubsub()

    def heard(message: dict[str, Any]) -> None:
        for outcome in orjson.loads(message["data"])["outcomes"]:
            answers.put(outcome)

    pubsub.subscribe(**{keys.signals(NODE): heard})
    return pubsub.run_in_thread(sleep_time=0.1, daemon=True)


def _speak(site: PeopleSite, devices: list[DeviceId]) -> None:
    """Each device has said something, anonymously."""
    sockets = [site.socket(device) for device in devices]
    requests: list[MessageRequest] = [
        site.writing(socket, f"words of {n}") for n, socket in enumerate(sockets)
    ]
    MessageStore(site.transactor, DEVICES).store(requests)


@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_sixty_four_devices_are_one_person(farm: Farm) -> None:
    """One survivor, no device or word lost, nobody refused, no deadlock left unhandled."""
    site = farm.site
    for number in range(ROUNDS):
        devices = [new_device(site.project_id) for _ in range(DEVICES_AT_ONCE)]
        _speak(site, devices)

        answers = farm.sign_in_at_once(f"person-{number}", devices)

        assert {answer["type"] for answer in answers} == {"signed_in"}
        [person] = {answer["visitor_id"] for answer in answers}
        merged = [absorbed for answer in answers for absorbed in answer["merged"]]
        assert sorted([*merged, person]) == sorted(map(anonymous_visitor, devices))
        with site.database.reading() as db:
            assert visitors.get_person(db, site.project_id, f"person-{number}").id == person
            theirs = visitors.list_devices(db, person, limit=1_000)
            thread = messages.list_messages(db, person, limit=1_000)
        held = {device.id: device.ended_at is not None for device in theirs}
        fresh = {answer["device_id"] for answer in answers}
        assert held == dict.fromkeys(devices, True) | dict.fromkeys(fresh, False)
        assert len(fresh) == DEVICES_AT_ONCE
        assert {m.text for m in thread} == {f"words of {n}" for n in range(DEVICES_AT_ONCE)}

    logs = [worker.log_text() for worker in farm.workers]
    assert sum("task_finished" in log for log in logs) > 1, "more than one had a share"
    assert not any("unavailable" in log or "Traceback" in log for log in logs)
