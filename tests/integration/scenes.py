"""Short ways to a project with a secret, for tests that begin there."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
from sqlalchemy.engine import Connection

from domain.cards import Limits
from domain.device_ids import DeviceIds
from domain.events import EventKind
from domain.ids import DeviceId, ProjectId, RequestId, SessionId
from domain.json_values import Json, JsonObject
from domain.outcomes import Outcome, RefusedRequest
from domain.projects import Project
from domain.roles import Actor
from domain.sealing import SecretSealer
from domain.tokens.policy import TokenPolicy
from services.rotate_secret import Generated, regenerate
from services.transactions import Transaction, Transactor
from services.verify_visitors import VerifyRequest, VisitorVerifier
from storage.sql import projects
from storage.sql.engine import Database
from tests.waiting import wait_until

ADMINISTRATOR = Actor("test:administrator", "127.0.0.1")
DEVICES = DeviceIds((b"d" * 32,))
SEALER = SecretSealer((b"s" * 32,))


class Clock:
    """Stands still but for a millisecond whenever it is looked at; goes on by hand."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time."""
        self.go_on(0.001)
        return self._now

    def go_on(self, seconds: float) -> None:
        """So many seconds pass."""
        self._now += timedelta(seconds=seconds)


@dataclass
class Broker:
    """Remembers what was published; says no when it is down, as a broker does."""

    sent: list[tuple[EventKind, Mapping[str, Json]]] = field(default_factory=list)
    is_down: bool = False

    def __call__(self, kind: EventKind, payload: Mapping[str, Json]) -> None:
        """Take the message."""
        if self.is_down:
            raise ConnectionError
        self.sent.append((kind, payload))


def open_transactor(database: Database) -> tuple[Transactor, Broker]:
    """A transactor whose events can be looked at."""
    broker = Broker()
    return Transactor(database, broker), broker


def add_project(transactor: Transactor, policy: TokenPolicy | None = None) -> ProjectId:
    """A new project without a secret."""

    def use_case(transaction: Transaction) -> ProjectId:
        project = Project(
            id=ProjectId(transaction.new_id()),
            name="Shop",
            time_zone="UTC",
            operating_hours=None,
            token_policy=policy or TokenPolicy.of_preset("default"),
            allowed_origins=(),
            limits=Limits(),
            epoch=1,
            revision=1,
            created_at=transaction.now,
        )
        projects.insert_project(transaction.db, project)
        return project.id

    return transactor.run(use_case)


def rotate(transactor: Transactor, project_id: ProjectId) -> Generated:
    """A new secret; every earlier one is revoked."""
    return transactor.run(lambda t: regenerate(t, SEALER, project_id, ADMINISTRATOR), urgent=True)


def announce_hopeless(transactor: Transactor, project_id: ProjectId) -> None:
    """A revocation that nobody can carry out stands in the outbox: SQL knows no such rotation."""

    def use_case(transaction: Transaction) -> None:
        nowhere = transaction.new_id()
        payload: JsonObject = {"rotation_id": nowhere, "key_ids": [], "epoch": 1}
        transaction.announce(EventKind.SECRET_REVOKED, project_id, payload)

    transactor.run(use_case)


def mint(secret: str, custom_id: str | int, **claims: object) -> str:
    """A token as a site's back end would sign it."""
    now = int(time.time())
    payload = {"external_id": custom_id, "iat": now, "exp": now + 300, **claims}
    return jwt.encode(payload, secret, algorithm="HS256")


def new_device(project_id: ProjectId) -> DeviceId:
    """A device id as the gateway would issue it."""
    return DEVICES.issue(project_id, datetime.now(UTC), os.urandom(16))


def request(project_id: ProjectId, token: str, device_id: DeviceId | None = None) -> VerifyRequest:
    """A request over a socket of its own."""
    number = os.urandom(8).hex()
    return VerifyRequest(
        RequestId(f"request-{number}"), project_id, SessionId(f"session-{number}"), device_id, token
    )


def answer_at_last(verifier: VisitorVerifier, asked: VerifyRequest) -> Outcome:
    """The answer, for which widgets ask again where others have held the project for too long."""
    answers: list[Outcome] = []

    def is_answered() -> bool:
        answers[:] = verifier.verify([asked]).outcomes
        return not is_unavailable(answers[0])

    wait_until(is_answered, "an answer")
    return answers[0]


def is_unavailable(outcome: Outcome) -> bool:
    """Whether the answer is that there is none now."""
    return isinstance(outcome, RefusedRequest) and outcome.code == "unavailable"


@contextmanager
def holding(database: Database, project_id: ProjectId) -> Iterator[Connection]:
    """Somebody's transaction in PostgreSQL has the project, and is not ended for being idle."""
    with database.writer.begin() as db:
        db.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        projects.lock_project(db, project_id)
        yield db
