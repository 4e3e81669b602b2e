"""The frames a server writes (RFC 6455 section 5.2): whole, unmasked, without extensions."""

from typing import Final

MAX_CONTROL_BYTES: Final = 125
_MAX_SHORT = 1 << 16

_TEXT = 0x81
_CLOSE = 0x88
_PONG = 0x8A


def text_frame(text: bytes) -> bytes:
    """The text as one frame."""
    size = len(text)
    if size <= MAX_CONTROL_BYTES:
        return bytes((_TEXT, size)) + text
    if size < _MAX_SHORT:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + text
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + text


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A close frame, to be built once and written many times.

    Args:
        code: 1000 to 4999.
        reason: UTF-8, at most 123 bytes.

    Raises:
        ValueError: the reason does not fit into a control frame.
    """
    return _control(_CLOSE, code.to_bytes(2, "big") + reason)


def close_echo(payload: bytes) -> bytes:
    """The answer to a peer's close frame: its own code, without the reason."""
    return _control(_CLOSE, payload[:2])


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping: the same payload."""
    return _control(_PONG, payload)


def _control(first_byte: int, payload: bytes) -> bytes:
    if len(payload) > MAX_CONTROL_BYTES:
        message = f"a control frame holds at most {MAX_CONTROL_BYTES} bytes"
        raise ValueError(message)
    return bytes((first_byte, len(payload))) + payload
