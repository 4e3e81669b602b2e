"""Threads: one visitor's messages, and everybody's conversations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from domain.ids import KeyId, ProjectId, VisitorId
from domain.messages import Message
from services.stores import Stores
from storage.sql import messages, projects, signing_secrets, visitors
from storage.sql.visitors import Visitor


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """A message as it was sent, and when the key that vouched for it was revoked since."""

    message: Message
    key_revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadConversation:
    """A living visitor who has a thread, and the thread's last message."""

    visitor: Visitor
    last_message: ThreadMessage


def read_thread(
    stores: Stores,
    project_id: ProjectId,
    visitor_id: VisitorId,
    *,
    limit: int,
    before: str | None = None,
) -> list[ThreadMessage]:
    """Up to `limit` messages of the living visitor that this id is read through, newest first.

    Raises:
        VisitorNotFound: there is none in this project.
    """
    with stores.database.reading() as db:
        visitor = visitors.get_visitor(db, project_id, visitor_id)
        found = messages.list_messages(db, visitor.id, limit=limit, before=before)
        return with_keys(db, project_id, found)


def read_conversations(
    stores: Stores, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[ReadConversation]:
    """Up to `limit` conversations, that with the latest message first.

    Args:
        before: the last message of the conversation that the page before ended with.

    Raises:
        ProjectNotFound: there is no such project.
    """
    with stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = messages.list_conversations(db, project_id, limit=limit, before=before)
        last = with_keys(db, project_id, (each.last_message for each in found))
    return [ReadConversation(c.visitor, m) for c, m in zip(found, last, strict=True)]


def with_keys(
    db: Connection, project_id: ProjectId, found: Iterable[Message]
) -> list[ThreadMessage]:
    """The messages with what became of their keys."""
    secrets = signing_secrets.list_secrets(db, project_id)
    revoked: dict[KeyId | None, datetime | None] = {s.key_id: s.revoked_at for s in secrets}
    return [ThreadMessage(message, revoked.get(message.verified_by)) for message in found]
