"""The outbox: events written in the commit of their fact, repeated until done."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.events import KINDS_WITH_WORK, EventKind, OutboxEvent
from domain.ids import EventId, ProjectId
from storage.sql.tables import outbox

# A revocation is late by at most three sweeps of 5 s, so the distances grow only a little.
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(seconds=10)


def insert_event(db: Connection, event: OutboxEvent) -> None:
    """The event is part of this transaction; one that needs no work is done by being written."""
    done = None if event.kind in KINDS_WITH_WORK else event.created_at
    db.execute(
        outbox.insert().values(
            event_id=event.event_id,
            project_id=event.project_id,
            kind=event.kind,
            payload=event.payload,
            created_at=event.created_at,
            next_attempt_at=event.created_at + FIRST_RETRY,
            done_at=done,
        )
    )


def find_event(db: Connection, event_id: EventId) -> OutboxEvent | None:
    """The event of that id."""
    row = (
        db.execute(sa.select(outbox).where(outbox.c.event_id == event_id)).mappings().one_or_none()
    )
    return _event(row) if row else None


def mark_done(db: Connection, event_id: EventId, now: datetime) -> None:
    """The event has been carried out; a second time changes nothing."""
    db.execute(
        outbox.update()
        .where(outbox.c.event_id == event_id, outbox.c.done_at.is_(None))
        .values(done_at=now, sent_at=sa.func.coalesce(outbox.c.sent_at, now))
    )


def claim_undone(db: Connection, now: datetime, limit: int) -> list[OutboxEvent]:
    """Up to `limit` undone events that are due again, claimed for this caller.

    A claimed event comes due once more after a delay that doubles with every attempt, so a crash
    between this commit and the sending only delays it.
    """
    due = (
        sa.select(outbox)
        .where(outbox.c.done_at.is_(None), outbox.c.next_attempt_at <= now)
        .order_by(outbox.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    events = [_event(row) for row in db.execute(due).mappings()]
    for event in events:
        db.execute(
            outbox.update()
            .where(outbox.c.event_id == event.event_id)
            .values(
                attempts=event.attempts + 1,
                sent_at=now,
                next_attempt_at=now + _delay(event.attempts),
            )
        )
    return events


def list_undone_of(db: Connection, project_ids: Collection[ProjectId]) -> list[OutboxEvent]:
    """The events of these projects that still wait to be carried out, oldest first."""
    query = (
        sa.select(outbox)
        .where(outbox.c.project_id.in_(list(project_ids)), outbox.c.done_at.is_(None))
        .order_by(outbox.c.event_id)
    )
    return [_event(row) for row in db.execute(query).mappings()]


def _delay(attempts: int) -> timedelta:
    return min(FIRST_RETRY * (1 << min(attempts, 10)), LONGEST_RETRY)


def _event(values: sa.RowMapping) -> OutboxEvent:
    return OutboxEvent(
        event_id=values["event_id"],
        project_id=values["project_id"],
        kind=EventKind(values["kind"]),
        payload=values["payload"],
        created_at=values["created_at"],
        done_at=values["done_at"],
        attempts=values["attempts"],
    )
