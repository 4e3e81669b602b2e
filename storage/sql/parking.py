"""What is parked in SQL: events that failed for too long, messages that nobody understands."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.events import KINDS_WITH_WORK, OutboxEvent
from domain.ids import EventId, ProjectId
from storage.sql.outbox import event_of
from storage.sql.tables import outbox, parked_messages
from storage.sql.types import UtcTime

KEPT_OF_A_KIND = 100

_IS_UNDONE = sa.and_(outbox.c.done_at.is_(None), outbox.c.kind.in_(sorted(KINDS_WITH_WORK)))
_IS_PARKED = sa.and_(_IS_UNDONE, outbox.c.parked_at.is_not(None))


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait to be carried out, the oldest's time, and how many more are parked."""

    undone: int
    oldest_at: datetime | None
    parked: int


@dataclass(frozen=True, slots=True)
class Failing:
    """How often an event has failed, and since when."""

    failures: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message that came to nothing; `repeated` more of its kind were not kept."""

    id: str
    parked_at: datetime
    task: str
    because: str
    reference: str | None
    repeated: int = 0


def read_backlog(db: Connection) -> Backlog:
    """What the outbox still has to do."""
    waiting = sa.case((outbox.c.parked_at.is_(None), 1), else_=0)
    row = db.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(waiting), 0).label("undone"),
            sa.func.count().label("all"),
        ).where(_IS_UNDONE)
    ).one()
    oldest = (
        sa.select(outbox.c.created_at)
        .where(_IS_UNDONE, outbox.c.parked_at.is_(None))
        .order_by(outbox.c.created_at)
        .limit(1)
    )
    return Backlog(int(row.undone), db.scalar(oldest), int(row.all) - int(row.undone))


def list_undone(
    db: Connection,
    project_id: ProjectId | None,
    *,
    parked: bool,
    limit: int,
    after: str | None = None,
) -> list[OutboxEvent]:
    """Up to `limit` events that are not carried out yet, oldest first, or those that are parked.

    Only those newer than the id `after`, where it is given.
    """
    query = sa.select(outbox).where(_IS_PARKED if parked else _IS_UNDONE)
    if project_id is not None:
        query = query.where(outbox.c.project_id == project_id)
    if after:
        query = query.where(outbox.c.event_id > after)
    rows = db.execute(query.order_by(outbox.c.event_id).limit(limit)).mappings()
    return [event_of(row) for row in rows]


def note_failure(db: Connection, event_id: EventId, now: datetime) -> Failing:
    """The event has failed once more; how often now, and since when."""
    db.execute(
        outbox.update()
        .where(outbox.c.event_id == event_id)
        .values(
            failures=outbox.c.failures + 1,
            failing_since=sa.func.coalesce(outbox.c.failing_since, sa.literal(now, UtcTime())),
        )
    )
    query = sa.select(outbox.c.failures, outbox.c.failing_since)
    row = db.execute(query.where(outbox.c.event_id == event_id)).one()
    return Failing(row.failures, row.failing_since)


def park_event(db: Connection, event_id: EventId, because: str, now: datetime) -> bool:
    """The event is not repeated any more; False where it was done or parked meanwhile."""
    result = db.execute(
        outbox.update()
        .where(
            outbox.c.event_id == event_id,
            outbox.c.done_at.is_(None),
            outbox.c.parked_at.is_(None),
        )
        .values(parked_at=now, parked_because=because[:64])
    )
    return result.rowcount == 1


def release_event(db: Connection, event_id: EventId, again_at: datetime) -> None:
    """The event is repeated again from that time on, as if it had never failed or been done."""
    db.execute(
        outbox.update()
        .where(outbox.c.event_id == event_id)
        .values(
            done_at=None,
            parked_at=None,
            parked_because=None,
            failures=0,
            failing_since=None,
            next_attempt_at=again_at,
        )
    )


def park_messages(db: Connection, message: ParkedMessage, times: int) -> None:
    """A message of this kind is known to have come so many times; one row at most is added.

    Of a kind a hundred have a row, or a few more if several come at once; what comes after them is
    counted at the newest.
    """
    is_of_kind = sa.and_(
        parked_messages.c.task == message.task, parked_messages.c.because == message.because
    )
    query = sa.select(parked_messages.c.id).where(is_of_kind).order_by(parked_messages.c.id.desc())
    kept = list(db.scalars(query.limit(KEPT_OF_A_KIND)))
    if len(kept) < KEPT_OF_A_KIND:
        values = {name: getattr(message, name) for name in message.__slots__}
        db.execute(parked_messages.insert().values({**values, "repeated": times - 1}))
        return
    db.execute(
        parked_messages.update()
        .where(parked_messages.c.id == kept[0])
        .values(repeated=parked_messages.c.repeated + times)
    )


def list_parked_messages(db: Connection, limit: int | None = None) -> list[ParkedMessage]:
    """Up to `limit` parked messages, newest first; without one all, of which there are few."""
    query = sa.select(parked_messages).order_by(parked_messages.c.id.desc()).limit(limit)
    return [ParkedMessage(**row) for row in db.execute(query).mappings()]


@dataclass(frozen=True, slots=True)
class ParkedKind:
    """All parked messages of one kind: since when, how many, and the newest's id."""

    task: str
    because: str
    since: datetime
    times: int
    newest_id: str


def list_parked_kinds(db: Connection) -> list[ParkedKind]:
    """What kinds of messages are parked; there are few, as neither word is a sender's own."""
    columns = parked_messages.c
    query = (
        sa.select(
            columns.task,
            columns.because,
            sa.func.min(columns.parked_at).label("since"),
            sa.func.sum(columns.repeated + 1).label("times"),
            sa.func.max(columns.id).label("newest_id"),
        )
        .group_by(columns.task, columns.because)
        .order_by(columns.task, columns.because)
    )
    return [ParkedKind(**row) for row in db.execute(query).mappings()]


def dismiss_messages(db: Connection, message_id: str | None) -> int:
    """The message is gone, or all are; returns how many were."""
    gone = parked_messages.delete()
    if message_id is not None:
        gone = gone.where(parked_messages.c.id == message_id)
    return db.execute(gone).rowcount


def erase_messages(db: Connection, now: datetime, kept: timedelta) -> int:
    """Messages parked longer ago than this are gone; returns how many were."""
    gone = parked_messages.delete().where(parked_messages.c.parked_at <= now - kept)
    return db.execute(gone).rowcount
