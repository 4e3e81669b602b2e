"""Threads: one visitor's messages, and everybody's conversations."""

from domain.ids import ProjectId, VisitorId
from domain.messages import Message
from services.stores import Stores
from storage.sql import messages, projects, visitors
from storage.sql.messages import Conversation


def read_thread(
    stores: Stores,
    project_id: ProjectId,
    visitor_id: VisitorId,
    *,
    limit: int,
    before: str | None = None,
) -> list[Message]:
    """Up to `limit` messages of the living visitor that this id is read through, newest first.

    Raises:
        VisitorNotFound: there is none in this project.
    """
    with stores.database.reading() as db:
        visitor = visitors.get_visitor(db, project_id, visitor_id)
        return messages.list_messages(db, visitor.id, limit=limit, before=before)


def read_conversations(
    stores: Stores, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[Conversation]:
    """Up to `limit` conversations, that with the latest message first.

    Args:
        before: the last message of the conversation that the page before ended with.

    Raises:
        ProjectNotFound: there is no such project.
    """
    with stores.database.reading() as db:
        projects.get_project(db, project_id)
        return messages.list_conversations(db, project_id, limit=limit, before=before)
