"""Identifiers: text everywhere, told apart by type."""

import uuid
from datetime import UTC, datetime
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

UUID7_RANDOM_BYTES = 10


def uuid7(now: datetime, randomness: bytes) -> str:
    """A UUIDv7 as text: 48 bits of Unix milliseconds, then 74 of the given random bits.

    Args:
        now: aware time of creation.
        randomness: at least 10 bytes; the first 10 are used.

    Source: RFC 9562 section 5.7.
    """
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    tail = int.from_bytes(randomness[:UUID7_RANDOM_BYTES], "big")
    rand_a = (tail >> 68) & 0xFFF
    rand_b = tail & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b
    return str(uuid.UUID(int=value))


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical form, as all our ids are."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def time_of_uuid7(text: str) -> datetime:
    """The time that a UUIDv7 was made at, in whole milliseconds."""
    return datetime.fromtimestamp((uuid.UUID(text).int >> 80) / 1000, UTC)
