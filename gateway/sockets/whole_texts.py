"""The frames that widgets send nearly all the time: a masked text message in one piece."""

_WHOLE_TEXT = 0x81
"""First byte of a text message in one frame, without extensions (RFC 6455, 5.2)."""

_MASKED = 0x80
_TWO_BYTE_LENGTH = 126
_KEY_BYTES = 4
_SHORTEST_FRAME_BYTES = 6


def read_whole_text(data: bytes, start: int, most: int) -> tuple[bytes, int] | None:
    """The whole text message that begins there, and where it ends; None for anything else.

    A length in more bytes than it needs, or beyond `most`, is anything else too: that is for picows
    to judge.
    """
    left = len(data) - start
    if left < _SHORTEST_FRAME_BYTES or data[start] != _WHOLE_TEXT:
        return None
    size, key = data[start + 1] - _MASKED, start + 2
    if size == _TWO_BYTE_LENGTH:
        size, key = int.from_bytes(data[key : key + 2], "big"), key + 2
        if not _TWO_BYTE_LENGTH <= size <= most:
            return None
    elif not 0 <= size < _TWO_BYTE_LENGTH:
        return None
    payload = key + _KEY_BYTES
    end = payload + size
    return (_unmasked(data[payload:end], data[key:payload]), end) if end <= len(data) else None


def _unmasked(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    repeated = int.from_bytes((key * (size // _KEY_BYTES + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ repeated).to_bytes(size, "big")
