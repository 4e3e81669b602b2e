"""An agent's words to a visitor: stored, then down to every socket of the thread."""

import structlog

from domain.errors import StorageUnavailable
from domain.ids import MessageId, ProjectId, VisitorId
from domain.messages import Author, Message, MessageInvalid, check_text
from domain.plain_text import find_line_fault
from domain.roles import Actor
from domain.times import to_wire
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import leases, signals
from storage.sql import messages, projects, visitors
from storage.sql.visitors import Visitor

log = structlog.get_logger(__name__)

LONGEST_NAME = 200


def answer_visitor(
    stores: Stores,
    project_id: ProjectId,
    visitor_id: VisitorId,
    text: str,
    agent_name: str,
    actor: Actor,
) -> Message:
    """The message stands in the living visitor's thread; its sockets have it, or will not get it.

    A node that cannot be told now does not hear of it later: the thread is there to be read.

    Raises:
        MessageInvalid: the text or the name cannot be kept.
        ProjectNotFound, VisitorNotFound: there is none.
    """
    check_text(text)
    _check_name(agent_name)

    def use_case(transaction: Transaction) -> tuple[Visitor, Message]:
        projects.lock_project(transaction.db, project_id)
        visitor = visitors.get_visitor(transaction.db, project_id, visitor_id)
        message = Message(
            id=MessageId(transaction.new_ordered_id()),
            project_id=project_id,
            visitor_id=visitor.id,
            author=Author.AGENT,
            text=text,
            sent_at=transaction.now,
            agent_name=agent_name,
        )
        messages.insert_message(transaction.db, message)
        transaction.audit(
            actor,
            "message.sent",
            project_id,
            {"visitor_id": visitor.id, "message_id": message.id},
        )
        return visitor, message

    visitor, message = stores.transactor.run(use_case, urgent=True)
    try:
        _deliver(stores, visitor, message)
    except StorageUnavailable:
        log.warning("message_not_delivered", message_id=message.id)
    return message


def _check_name(name: str) -> None:
    if not 0 < len(name) <= LONGEST_NAME or find_line_fault(name):
        message = f"name: give one line of 1 to {LONGEST_NAME} characters"
        raise MessageInvalid(message)


def _deliver(stores: Stores, visitor: Visitor, message: Message) -> None:
    signal = {
        "type": "message",
        "project_id": message.project_id,
        "visitor_id": visitor.id,
        "is_person": visitor.custom_id is not None,
        "message_id": message.id,
        "from": {"name": message.agent_name},
        "text": message.text,
        "at": to_wire(message.sent_at),
    }
    signals.send_to_all(stores.redis, leases.list_living(stores.redis), signal)
