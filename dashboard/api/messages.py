"""Messages: one visitor's thread, an agent's answer, everybody's conversations."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from dashboard.agent_names import name_for_visitors
from dashboard.api.visitors import Message, Visitor
from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, ProjectPath, Question, VisitorPath
from domain.messages import MAX_CHARACTERS
from domain.permissions import Action
from services.answer_visitor import LONGEST_NAME, answer_visitor
from services.read_threads import ThreadMessage, read_conversations, read_thread

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["messages"])

MessagePage = Annotated[Page, Depends(page_of("messages"))]
ConversationPage = Annotated[Page, Depends(page_of("conversations"))]


class MessageList(Answer):
    """Messages, newest first."""

    items: list[Message]
    next_cursor: str | None


class AgentsWords(Question):
    """What an agent says."""

    text: str = Field(min_length=1, max_length=MAX_CHARACTERS)
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] | None = Field(
        default=None,
        description="Whom the visitor sees as the sender; if none, the API key's name, or what"
        " stands before the @ of the member's address.",
    )


class Conversation(Answer):
    """A visitor who has a thread."""

    visitor: Visitor
    last_message: Message


class ConversationList(Answer):
    """Conversations, that with the latest message first."""

    items: list[Conversation]
    next_cursor: str | None


@router.get(
    "/projects/{project_id}/visitors/{visitor_id}/messages",
    name=Action.MESSAGES_LIST,
    responses=refusals(400, 404, 422),
)
def list_messages(
    project_id: ProjectPath, visitor_id: VisitorPath, page: MessagePage, runtime: RuntimeOf
) -> MessageList:
    """The visitor's thread, with what was said in every record that it absorbed."""
    found = read_thread(runtime.stores, project_id, visitor_id, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda each: each.message.id)
    return MessageList(items=[Message.of(item) for item in items], next_cursor=next_cursor)


@router.post(
    "/projects/{project_id}/visitors/{visitor_id}/messages",
    name=Action.MESSAGES_SEND,
    status_code=201,
    responses=refusals(400, 404, 413, 422),
)
def send_message(
    project_id: ProjectPath,
    visitor_id: VisitorPath,
    body: AgentsWords,
    runtime: RuntimeOf,
    caller: CallerOf,
) -> Message:
    """Answers the visitor: in their thread, and down to every widget that shows it."""
    name = body.name or name_for_visitors(caller)
    sent = answer_visitor(runtime.stores, project_id, visitor_id, body.text, name, caller.actor)
    return Message.of(ThreadMessage(sent))


@router.get(
    "/projects/{project_id}/conversations",
    name=Action.CONVERSATIONS_LIST,
    responses=refusals(400, 404, 422),
)
def list_conversations(
    project_id: ProjectPath, page: ConversationPage, runtime: RuntimeOf
) -> ConversationList:
    """Every visitor who has a thread, each with its last message."""
    found = read_conversations(runtime.stores, project_id, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda each: each.last_message.message.id)
    shown = [
        Conversation(visitor=Visitor.of(c.visitor), last_message=Message.of(c.last_message))
        for c in items
    ]
    return ConversationList(items=shown, next_cursor=next_cursor)
