"""What the gateway says to a widget: each function gives one text frame's payload."""

from datetime import datetime
from typing import Final

import orjson

from domain.ids import DeviceId, MessageId, SessionId, VisitorId
from domain.outcomes import SignedIn
from domain.times import to_wire

HEARTBEAT_SECONDS: Final = 30

PONG: Final = b'{"type":"pong"}'


def welcome(session_id: SessionId, device_id: DeviceId, visitor_id: VisitorId) -> bytes:
    """The session is live, as an anonymous visitor."""
    return orjson.dumps(
        {
            "type": "welcome",
            "session": session_id,
            "device": device_id,
            "visitor": {"id": visitor_id, "authenticated": False},
            "heartbeat_seconds": HEARTBEAT_SECONDS,
        }
    )


def signed_in(frame_id: str, device_id: DeviceId, outcome: SignedIn) -> bytes:
    """The token was good, the visitor is marked and this session bound."""
    return orjson.dumps(
        {
            "type": "signed_in",
            "id": frame_id,
            "device": device_id,
            "visitor": {
                "id": outcome.visitor_id,
                "custom_id": outcome.custom_id,
                "name": outcome.name,
                "email": outcome.email,
                "authenticated": True,
            },
            "key_id": outcome.key_id,
            "merged": list(outcome.merged),
            "expires_at": to_wire(outcome.expires_at),
        }
    )


def refused(frame_id: str, code: str, message: str, retry_after_ms: int | None = None) -> bytes:
    """The request was refused; `retry_after_ms` is there only where trying again may help."""
    frame: dict[str, object] = {
        "type": "refused",
        "id": frame_id,
        "code": code,
        "message": message,
    }
    if retry_after_ms is not None:
        frame["retry_after_ms"] = retry_after_ms
    return orjson.dumps(frame)


def signed_out(frame_id: str, device_id: DeviceId, visitor_id: VisitorId) -> bytes:
    """The visitor has left; the session goes on anonymous, as a new visitor with a new device."""
    return orjson.dumps(
        {
            "type": "signed_out",
            "id": frame_id,
            "device": device_id,
            "visitor": {"id": visitor_id, "authenticated": False},
        }
    )


def reauthenticate(reason: str, deadline: datetime) -> bytes:
    """The proof needs renewing before the deadline; `reason` as in the contract."""
    return orjson.dumps({"type": "reauthenticate", "reason": reason, "deadline": to_wire(deadline)})


def proof_ended(visitor_id: VisitorId) -> bytes:
    """The same visitor, from now on without a proof."""
    return orjson.dumps({"type": "visitor", "visitor": {"id": visitor_id, "authenticated": False}})


def visitor_changed(
    visitor_id: VisitorId,
    custom_id: str | None,
    name: str | None,
    email: str | None,
    *,
    authenticated: bool,
) -> bytes:
    """The visitor's record is another now; `authenticated` says what this session is."""
    return orjson.dumps(
        {
            "type": "visitor",
            "visitor": {
                "id": visitor_id,
                "custom_id": custom_id,
                "name": name,
                "email": email,
                "authenticated": authenticated,
            },
        }
    )


def sent(frame_id: str, message_id: MessageId) -> bytes:
    """The message stands in its thread."""
    return orjson.dumps({"type": "sent", "id": frame_id, "message_id": message_id})


def agent_message(message_id: str, name: str, text: str, at: str) -> bytes:
    """An agent has answered; `at` is a wire time."""
    return orjson.dumps(
        {
            "type": "message",
            "message_id": message_id,
            "from": {"name": name},
            "text": text,
            "at": at,
        }
    )


def error(frame_id: str | None, code: str, message: str) -> bytes:
    """A frame that could not be acted on; `id` is there if the frame had a usable one."""
    frame = {"type": "error", "code": code, "message": message}
    if frame_id is not None:
        frame["id"] = frame_id
    return orjson.dumps(frame)
