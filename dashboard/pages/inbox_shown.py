"""Conversations and messages, as agents read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.pages.faces import Face, Faces
from domain.ids import MessageId
from domain.messages import Author
from services.read_threads import ReadConversation, ThreadMessage

_PREVIEW = 120


@dataclass(frozen=True, slots=True)
class ConversationShown:
    """A line of the list: who, and the last words."""

    face: Face
    last_id: MessageId
    is_answered: bool
    preview: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessageShown:
    """One message.

    Attributes:
        is_ours: whether an agent wrote it; then `agent_name` is whom the visitor saw.
        is_verified: whether a signed token vouched for its author when it was sent.
        key_revoked_at: if that key was revoked since.
    """

    id: MessageId
    is_ours: bool
    agent_name: str
    text: str
    at: datetime
    is_verified: bool
    key_revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThreadShown:
    """An open conversation: messages, oldest first, and the cursor to those before them."""

    face: Face
    messages: list[MessageShown]
    older: str | None
    is_latest: bool


def show_conversation(found: ReadConversation, faces: Faces) -> ConversationShown:
    """The conversation as a line."""
    message = found.last_message.message
    return ConversationShown(
        face=faces.of(found.visitor),
        last_id=message.id,
        is_answered=message.author is Author.AGENT,
        preview=" ".join(message.text[: 2 * _PREVIEW].split())[:_PREVIEW],
        at=message.sent_at,
    )


def show_thread(
    face: Face, newest_first: Sequence[ThreadMessage], older: str | None, *, is_latest: bool
) -> ThreadShown:
    """The conversation with these of its messages."""
    messages = [show_message(each) for each in reversed(newest_first)]
    return ThreadShown(face, messages, older, is_latest)


def show_message(found: ThreadMessage) -> MessageShown:
    """The message as it stands in its thread."""
    message = found.message
    return MessageShown(
        id=message.id,
        is_ours=message.author is Author.AGENT,
        agent_name=message.agent_name or "",
        text=message.text,
        at=message.sent_at,
        is_verified=message.verified_by is not None,
        key_revoked_at=found.key_revoked_at,
    )
