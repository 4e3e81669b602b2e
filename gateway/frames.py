"""What a widget may say: one JSON object a text frame, put into one of five values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from domain.errors import WidgetAuthError
from domain.messages import MAX_CHARACTERS, MAX_CLIENT_ID_CHARACTERS


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame; `device` is whatever the widget kept, certified or not."""

    device: str | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A token to be verified. Its text never appears in a `repr`."""

    id: str
    token: str

    def __repr__(self) -> str:
        return f"SignIn(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class SignOut:
    """The visitor leaves; the socket stays."""

    id: str


@dataclass(frozen=True, slots=True)
class Message:
    """Words of the visitor's. They never appear in a `repr`."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"Message(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life."""


ClientFrame: TypeAlias = Hello | SignIn | SignOut | Message | Ping

_PING = Ping()


class ProtocolBroken(WidgetAuthError):
    """The frame is no JSON object of a known type; the socket is closed with 4400."""


class FrameInvalid(WidgetAuthError):
    """A field of a known frame is not as expected; answered by an `error` frame, the socket stays.

    `frame_id` is the frame's own id where it had a usable one.
    """

    def __init__(self, frame_id: str | None, message: str) -> None:
        super().__init__(message)
        self.frame_id = frame_id
        self.message = message


def parse_frame(text: bytes) -> ClientFrame:
    """The frame that the text is. Unknown fields are ignored.

    Raises:
        ProtocolBroken: it cannot be parsed or has no known type.
        FrameInvalid: a known frame with a bad field.
    """
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ProtocolBroken from error
    if type(fields) is not dict:
        raise ProtocolBroken
    kind = fields.get("type")
    if kind == "ping":
        return _PING
    reader = _READERS.get(kind) if type(kind) is str else None
    if reader is None:
        raise ProtocolBroken
    return reader(fields)


def _hello(fields: dict[str, Any]) -> Hello:
    device = fields.get("device")
    if device is not None and type(device) is not str:
        raise FrameInvalid(None, "device is text, as the welcome frame gave it, or left out")
    return Hello(device)


def _sign_in(fields: dict[str, Any]) -> SignIn:
    frame_id = _frame_id(fields)
    return SignIn(frame_id, _text(fields, "token", frame_id))


def _sign_out(fields: dict[str, Any]) -> SignOut:
    return SignOut(_frame_id(fields))


def _message(fields: dict[str, Any]) -> Message:
    frame_id = _frame_id(fields)
    text = _text(fields, "text", frame_id)
    if len(text) > MAX_CHARACTERS:
        raise FrameInvalid(frame_id, f"text has at most {MAX_CHARACTERS} characters")
    return Message(frame_id, text)


def _frame_id(fields: dict[str, Any]) -> str:
    frame_id = fields.get("id")
    if type(frame_id) is not str or not 0 < len(frame_id) <= MAX_CLIENT_ID_CHARACTERS:
        raise FrameInvalid(None, f"id is text of 1 to {MAX_CLIENT_ID_CHARACTERS} characters")
    return frame_id


def _text(fields: dict[str, Any], name: str, frame_id: str) -> str:
    value = fields.get(name)
    if type(value) is not str or not value:
        raise FrameInvalid(frame_id, f"{name} is text and not empty")
    return value


_READERS: dict[str, Callable[[dict[str, Any]], ClientFrame]] = {
    "hello": _hello,
    "sign_in": _sign_in,
    "sign_out": _sign_out,
    "message": _message,
}
