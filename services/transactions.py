"""One use case, one transaction: committed here, and its events sent at once afterwards."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import TypeAlias, TypeVar

import structlog
from sqlalchemy.engine import Connection

from domain.errors import ProjectBusy
from domain.events import KINDS_WITH_WORK, EventKind, OutboxEvent
from domain.ids import UUID7_RANDOM_BYTES, EventId, ProjectId, ordered_uuid7, uuid7
from domain.json_values import Json, JsonObject
from domain.roles import Actor
from services.busy_projects import BusyProjects
from services.steps import Reached, Step, pass_by
from storage.sql import audit, outbox
from storage.sql.engine import Database, now_of

log = structlog.get_logger(__name__)
T = TypeVar("T")

# Hands an event to its task; what it raises is logged, and the relay repeats the event.
Publish: TypeAlias = Callable[[EventKind, Mapping[str, Json]], None]
Fact: TypeAlias = tuple[EventKind, ProjectId, JsonObject]


@dataclass
class Transaction:
    """An open transaction and what will be announced once it has committed."""

    db: Connection
    announced: list[OutboxEvent] = field(default_factory=list)
    _ordered: Iterator[int] = field(default_factory=count)

    @cached_property
    def now(self) -> datetime:
        """The database's clock, read once: first use it after the locks are held."""
        return now_of(self.db)

    def new_id(self) -> str:
        """An unused UUIDv7."""
        return uuid7(self.now, os.urandom(UUID7_RANDOM_BYTES))

    def new_ordered_id(self) -> str:
        """An unused UUIDv7, the larger the later.

        In this transaction and, between those that hold one project's lock, from each to the next.
        """
        return ordered_uuid7(self.now, next(self._ordered), os.urandom(UUID7_RANDOM_BYTES))

    def announce(self, kind: EventKind, project_id: ProjectId, payload: JsonObject) -> None:
        """The event is in the outbox as part of this transaction."""
        event = self._event(kind, project_id, payload)
        outbox.insert_event(self.db, event)
        self.announced.append(event)

    def note_facts(self, facts: Iterable[Fact]) -> None:
        """These events, which need no work, are in the outbox; one statement for all of them."""
        outbox.insert_facts(self.db, [self._event(*fact) for fact in facts])

    def audit(
        self,
        actor: Actor,
        action: str,
        project_id: ProjectId | None,
        details: JsonObject | None = None,
    ) -> None:
        """The action is in the audit log as part of this transaction."""
        entry_id = self.new_ordered_id()
        audit.record(self.db, entry_id, self.now, actor, action, project_id, details)

    def _event(self, kind: EventKind, project_id: ProjectId, payload: JsonObject) -> OutboxEvent:
        event_id = EventId(self.new_ordered_id())
        return OutboxEvent(event_id, project_id, kind, payload, self.now)


class Transactor:
    """Runs use cases: the only place of an entry point that commits.

    Args:
        publish: hands an event to its task.
        reached: is told of the steps of a change.

    Attributes:
        busy: projects that this process has waited for in vain lately.
    """

    def __init__(self, database: Database, publish: Publish, reached: Reached = pass_by) -> None:
        self.database = database
        self.reached = reached
        self.busy = BusyProjects()
        self._publish = publish

    def run(
        self,
        use_case: Callable[[Transaction], T],
        *,
        urgent: bool = False,
        lock_seconds: float | None = None,
    ) -> T:
        """The use case has committed, and its events are sent, or left to the relay.

        Args:
            use_case: everything it does is one transaction.
            urgent: a revocation or a person's click.
            lock_seconds: how long it waits for a lock, where that is less than usual.

        Raises:
            ProjectBusy: somebody else holds the project for too long; nothing has happened.
            StorageUnavailable: the database does not answer; nothing has happened.
        """
        announced: list[OutboxEvent] = []

        def work(db: Connection) -> T:
            transaction = Transaction(db)
            result = use_case(transaction)
            announced[:] = transaction.announced
            return result

        result = self.database.write(work, urgent=urgent, lock_seconds=lock_seconds)
        self.reached(Step.COMMITTED)
        self.send(announced)
        return result

    def run_for_project(
        self,
        project_id: ProjectId,
        use_case: Callable[[Transaction], T],
        *,
        lock_seconds: float,
        urgent: bool = False,
    ) -> T:
        """As `run`; a project that was waited for in vain a moment ago is hardly waited for.

        Args:
            project_id: the one whose lock it needs.
            use_case: everything it does is one transaction.
            lock_seconds: how long it waits for a lock otherwise.
            urgent: a revocation or a person's click.

        Raises:
            ProjectBusy: somebody else holds the project for too long; nothing has happened.
            StorageUnavailable: the database does not answer; nothing has happened.
        """
        seconds = self.busy.seconds_for(project_id, lock_seconds)
        try:
            result = self.run(use_case, urgent=urgent, lock_seconds=seconds)
        except ProjectBusy:
            self.busy.note(project_id)
            raise
        self.busy.forget(project_id)
        return result

    def send(self, events: list[OutboxEvent]) -> None:
        """Every event that needs work is with the broker; one that is not, the relay repeats."""
        for event in events:
            if event.kind not in KINDS_WITH_WORK:
                continue
            try:
                self._publish(event.kind, task_payload(event))
            except Exception as error:  # noqa: BLE001 - it has committed: the caller must hear so
                why = type(error).__name__
                log.warning("event_left_to_relay", event_id=event.event_id, why=why)


def task_payload(event: OutboxEvent) -> JsonObject:
    """What an event's task is told: where to look, never what to believe."""
    payload: JsonObject = {"event_id": event.event_id, "project_id": event.project_id}
    for name in ("rotation_id", "visitor_id"):
        if name in event.payload:
            payload[name] = event.payload[name]
    return payload
