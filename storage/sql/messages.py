"""Messages: loaded and written in sets for visitors, one at a time for agents, read as threads."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import MessageId, ProjectId, VisitorId
from domain.messages import Author, Message, ThreadPlan, ThreadRecords, Writing
from domain.projects import Project
from domain.signing_secrets import SecretState, SigningSecret
from storage.sql import people, tables
from storage.sql.sets import SetLookup, SetUpsert
from storage.sql.visitors import Visitor

_MESSAGE_COLUMNS = tuple(Message.__slots__)
_stored = SetLookup(tables.messages, ["device_id", "client_id"])
_write_messages = SetUpsert(tables.messages, _MESSAGE_COLUMNS, "DO NOTHING")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A living visitor who has a thread, and the thread's last message."""

    visitor: Visitor
    last_message: Message


def load_threads(
    db: Connection,
    writings: Sequence[Writing],
    projects: dict[ProjectId, Project],
    secrets: Sequence[SigningSecret],
) -> ThreadRecords:
    """Everything that planning these messages needs; three statements.

    Args:
        writings: of these projects only.
        projects: locked, so nothing of it changes until the transaction ends.
        secrets: of the projects; a revoked one vouches for nothing.
    """
    visitor_ids = [id_ for w in writings for id_ in (w.visitor_id, w.anonymous_id)]
    stored = _stored.find(db, ((w.device_id, w.client_id) for w in writings))
    return ThreadRecords(
        epochs={project.id: project.epoch for project in projects.values()},
        keys={
            (secret.project_id, secret.generation): secret.key_id
            for secret in secrets
            if secret.state is not SecretState.REVOKED
        },
        visitors=people.find_visitors(db, visitor_ids),
        devices=people.find_devices(db, (w.device_id for w in writings)),
        stored={(row["device_id"], row["client_id"]): row["id"] for row in stored},
    )


def apply_threads(db: Connection, plan: ThreadPlan) -> None:
    """The plan is written; at most three statements."""
    people.write_visitors(db, plan.visitors.values())
    people.write_devices(db, plan.devices.values())
    _write_messages.write(db, [_row(message) for message in plan.messages])


def insert_message(db: Connection, message: Message) -> None:
    """An agent's message is its thread's last."""
    db.execute(tables.messages.insert().values(_row(message)))
    db.execute(
        tables.visitors.update()
        .where(tables.visitors.c.id == message.visitor_id)
        .values(last_message_id=message.id)
    )


def list_messages(
    db: Connection, visitor_id: VisitorId, *, limit: int, before: str | None = None
) -> list[Message]:
    """Up to `limit` messages of a living visitor and of all it absorbed, newest first."""
    query = (
        sa.select(tables.messages)
        .where(tables.messages.c.visitor_id.in_(_read_through(visitor_id)))
        .order_by(tables.messages.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(tables.messages.c.id < before)
    return [_message(row) for row in db.execute(query).mappings()]


def list_conversations(
    db: Connection, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[Conversation]:
    """Up to `limit` threads, that with the latest message first, of those before the given one."""
    visitors = tables.visitors
    query = (
        sa.select(visitors)
        .where(
            visitors.c.project_id == project_id,
            visitors.c.last_message_id.is_not(None),
            visitors.c.merged_into.is_(None),
        )
        .order_by(visitors.c.last_message_id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(visitors.c.last_message_id < before)
    found = [Visitor(**row) for row in db.execute(query).mappings()]
    last_ids = [visitor.last_message_id for visitor in found]
    rows = db.execute(sa.select(tables.messages).where(tables.messages.c.id.in_(last_ids)))
    last = {row["id"]: _message(row) for row in rows.mappings()}
    return [Conversation(v, last[v.last_message_id]) for v in found if v.last_message_id]


def find_last_id(db: Connection, project_id: ProjectId) -> MessageId | None:
    """The latest message of all the project's threads."""
    visitors = tables.visitors
    last: MessageId | None = db.scalar(
        sa.select(sa.func.max(visitors.c.last_message_id)).where(
            visitors.c.project_id == project_id,
            visitors.c.last_message_id.is_not(None),
            visitors.c.merged_into.is_(None),
        )
    )
    return last


def note_last_message(db: Connection, visitor_id: VisitorId) -> None:
    """The thread's last message is what it is read to be, after records left it."""
    last: MessageId | None = db.scalar(
        sa.select(sa.func.max(tables.messages.c.id)).where(
            tables.messages.c.visitor_id.in_(_read_through(visitor_id))
        )
    )
    db.execute(
        tables.visitors.update()
        .where(tables.visitors.c.id == visitor_id)
        .values(last_message_id=last)
    )


def _read_through(visitor_id: VisitorId) -> sa.Select[tuple[str]]:
    return sa.select(tables.visitors.c.id).where(
        sa.or_(tables.visitors.c.id == visitor_id, tables.visitors.c.merged_into == visitor_id)
    )


def _row(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in _MESSAGE_COLUMNS}


def _message(row: sa.RowMapping) -> Message:
    return Message(**{**row, "author": Author(row["author"])})
