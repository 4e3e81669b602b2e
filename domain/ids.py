"""Identifiers: text everywhere, told apart by type."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import NewType

ProjectId = NewType("ProjectId", str)
VisitorId = NewType("VisitorId", str)
DeviceId = NewType("DeviceId", str)
SessionId = NewType("SessionId", str)
KeyId = NewType("KeyId", str)
NodeId = NewType("NodeId", str)
RotationId = NewType("RotationId", str)
EventId = NewType("EventId", str)
RequestId = NewType("RequestId", str)
MessageId = NewType("MessageId", str)
MergeId = NewType("MergeId", str)

UUID7_RANDOM_BYTES = 10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = 1 << 16
_MILLISECONDS = 1 << 48
_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuid7(now: datetime, randomness: bytes) -> str:
    """A UUIDv7 as text: 48 bits of Unix milliseconds, then 74 of the given random bits.

    Args:
        now: aware time of creation.
        randomness: at least 10 bytes; the first 10 are used.

    Source: RFC 9562 section 5.7.
    """
    return uuid7_at(int(now.timestamp() * 1000), randomness)


def uuid7_at(milliseconds: int, randomness: bytes) -> str:
    """As `uuid7`, of a time in Unix milliseconds."""
    milliseconds %= _MILLISECONDS
    tail = int.from_bytes(randomness[:UUID7_RANDOM_BYTES], "big")
    rand_a = (tail >> 68) & 0xFFF
    rand_b = tail & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b
    return _text(value)


def ordered_uuid7(now: datetime, number: int, randomness: bytes) -> str:
    """A UUIDv7 that sorts behind those of every earlier microsecond, and of lower numbers in it.

    Args:
        now: aware time of creation.
        number: below 65,536.
        randomness: at least 10 bytes; 46 bits of them are used.

    Source: RFC 9562 section 6.2, methods 3 and 1.
    """
    if not 0 <= number < _NUMBERS:
        message = f"an id's number lies below {_NUMBERS}"
        raise ValueError(message)
    milliseconds, microseconds = divmod((now - _EPOCH) // timedelta(microseconds=1), 1000)
    fraction = microseconds * 4096 // 1000
    tail = int.from_bytes(randomness[:UUID7_RANDOM_BYTES], "big") & ((1 << 46) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62)
    return _text(value | (number << 46) | tail)


def least_uuid7(moment: datetime) -> str:
    """The id that no UUIDv7 of this millisecond or a later one sorts before."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return _text((milliseconds << 80) | (0x7 << 76) | (0b10 << 62))


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical form, as all our ids are."""
    return _CANONICAL.fullmatch(text) is not None


def time_of_uuid7(text: str) -> datetime:
    """The time that a UUIDv7 was made at, in whole milliseconds."""
    return datetime.fromtimestamp((uuid.UUID(text).int >> 80) / 1000, UTC)


def _text(value: int) -> str:
    """The canonical form of 128 bits; the standard library's takes three times as long."""
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
