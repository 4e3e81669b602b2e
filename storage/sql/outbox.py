"""The outbox: events written in the commit of their fact, repeated until done."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.events import KINDS_WITH_WORK, EventKind, OutboxEvent
from domain.ids import EventId, ProjectId, least_uuid7
from storage.sql.sets import SetUpsert
from storage.sql.tables import outbox

# A revocation may be late by three sweeps of 5 s, so it is due again at every one of them: the
# distances stay below a sweep, also where its ticks are a little early.
FIRST_RETRY = timedelta(seconds=2.5)
LONGEST_RETRY = timedelta(seconds=4)

# Of other kinds are facts, done by being written, and what only a newer release can carry out.
_HAS_WORK = outbox.c.kind.in_(sorted(KINDS_WITH_WORK))
_IS_KNOWN = outbox.c.kind.in_(sorted(EventKind))

_write_facts = SetUpsert(
    outbox,
    (
        "event_id",
        "project_id",
        "kind",
        "payload",
        "created_at",
        "next_attempt_at",
        "done_at",
    ),
    "DO NOTHING",
)


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


def insert_facts(db: Connection, events: Sequence[OutboxEvent]) -> None:
    """These events, done by being written, are part of this transaction; one statement."""
    _write_facts.write(
        db,
        [
            {
                "event_id": event.event_id,
                "project_id": event.project_id,
                "kind": event.kind,
                "payload": event.payload,
                "created_at": event.created_at,
                "next_attempt_at": event.created_at,
                "done_at": event.created_at,
            }
            for event in events
        ],
    )


def list_events(
    db: Connection, project_id: ProjectId, *, limit: int, after: str | None = None
) -> list[OutboxEvent]:
    """Up to `limit` events of the project, oldest first, newer than the given id.

    Ids grow from commit to commit of one project, so whoever reads on misses none. Those of a kind
    that only a newer release knows are for that one to tell of.
    """
    query = (
        sa.select(outbox)
        .where(outbox.c.project_id == project_id, _IS_KNOWN)
        .order_by(outbox.c.event_id)
        .limit(limit)
    )
    if after:
        query = query.where(outbox.c.event_id > after)
    return [event_of(row) for row in db.execute(query).mappings()]


def find_last_id(db: Connection, project_id: ProjectId) -> EventId | None:
    """The project's latest event."""
    last: EventId | None = db.scalar(
        sa.select(sa.func.max(outbox.c.event_id)).where(outbox.c.project_id == project_id)
    )
    return last


def erase_done(db: Connection, before: datetime, limit: int) -> int:
    """Up to `limit` events that are done and older than this are gone; returns how many were."""
    done = outbox.c.done_at.is_not(None)
    query = (
        sa.select(outbox.c.event_id)
        .where(outbox.c.event_id < least_uuid7(before), done)
        .order_by(outbox.c.event_id)
        .limit(limit)
    )
    old = list(db.scalars(query))
    if not old:
        return 0
    within = outbox.c.event_id.between(old[0], old[-1])
    return db.execute(outbox.delete().where(within, done)).rowcount


def find_event(db: Connection, event_id: EventId) -> OutboxEvent | None:
    """The event of that id, if this release knows what it is."""
    query = sa.select(outbox).where(outbox.c.event_id == event_id, _IS_KNOWN)
    row = db.execute(query).mappings().one_or_none()
    return event_of(row) if row else None


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
    between this commit and the sending only delays it. Parked ones are left alone, and those of a
    kind that only a newer release knows how to carry out.
    """
    due = (
        sa.select(outbox)
        .where(
            outbox.c.done_at.is_(None),
            outbox.c.parked_at.is_(None),
            outbox.c.next_attempt_at <= now,
            _HAS_WORK,
        )
        .order_by(outbox.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    events = [event_of(row) for row in db.execute(due).mappings()]
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
        .where(outbox.c.project_id.in_(list(project_ids)), outbox.c.done_at.is_(None), _HAS_WORK)
        .order_by(outbox.c.event_id)
    )
    return [event_of(row) for row in db.execute(query).mappings()]


def _delay(attempts: int) -> timedelta:
    return min(FIRST_RETRY * (1 << min(attempts, 10)), LONGEST_RETRY)


def event_of(values: sa.RowMapping) -> OutboxEvent:
    """The event that a row of the outbox holds."""
    return OutboxEvent(
        event_id=values["event_id"],
        project_id=values["project_id"],
        kind=EventKind(values["kind"]),
        payload=values["payload"],
        created_at=values["created_at"],
        done_at=values["done_at"],
        attempts=values["attempts"],
        parked_at=values["parked_at"],
        parked_because=values["parked_because"],
    )
