"""Identifiers as they are stored: UUID text outside, 16 bytes inside; devices by their hash."""

import hashlib
import uuid
from typing import NamedTuple

from domain.ids import DeviceId

UUID_BYTES = 16


def pack_id(text: str) -> bytes:
    """The 16 bytes of a UUID.

    Raises:
        ValueError: the text is no UUID.
    """
    packed = bytes.fromhex(text.replace("-", ""))
    if len(packed) != UUID_BYTES:
        message = "an id is stored as the 16 bytes of a UUID"
        raise ValueError(message)
    return packed


def unpack_id(packed: bytes) -> str:
    """The UUID's text."""
    return str(uuid.UUID(bytes=packed))


class PackedDevice(NamedTuple):
    """What is kept of a device id: a signed 64-bit integer, and the shard it is kept in."""

    member: int
    shard: int


def pack_device(device_id: DeviceId) -> PackedDevice:
    """The device's place among the ended ones: the first 8 bytes of its SHA-256, and the last."""
    digest = hashlib.sha256(device_id.encode()).digest()
    return PackedDevice(int.from_bytes(digest[:8], "big", signed=True), digest[-1])
