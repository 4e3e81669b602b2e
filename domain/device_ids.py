"""Device ids that certify themselves, so that a hello needs no row and no look-up."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from domain import base64url
from domain.ids import DeviceId, ProjectId, VisitorId, uuid7_at
from domain.length_prefixed import join

RANDOM_BYTES = 16
_TIME_BYTES = 6
_MAC_BYTES = 16
_BODY_BYTES = _TIME_BYTES + RANDOM_BYTES
_TEXT_LENGTH = 51  # 38 bytes as base64url
_MAC_LABEL = b"widget-auth device id v1"
_VISITOR_LABEL = b"widget-auth anonymous visitor v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeviceIds:
    """Issues device ids with the first key and knows those of every key again."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys:
            raise ValueError("device ids need at least one key")
        self._keys = keys

    def issue(self, project_id: ProjectId, now: datetime, randomness: bytes) -> DeviceId:
        """A device id of the project: 6 bytes of Unix milliseconds, 16 random, 16 of HMAC-SHA256.

        Args:
            project_id: the only project in which it will be certified.
            now: aware time of issue; whoever holds the id can read it.
            randomness: exactly 16 random bytes.
        """
        if len(randomness) != RANDOM_BYTES:
            raise ValueError(f"a device id is made of {RANDOM_BYTES} random bytes")
        milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
        body = milliseconds.to_bytes(_TIME_BYTES, "big") + randomness
        return DeviceId(base64url.encode(body + _mac(self._keys[0], project_id, body)).decode())

    def is_certified(self, project_id: ProjectId, device_id: str) -> bool:
        """Whether we issued this id, for this project, with any of the keys; never raises."""
        if len(device_id) != _TEXT_LENGTH:
            return False
        try:
            raw = base64url.decode(device_id.encode("ascii"))
            body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
            return any(hmac.compare_digest(mac, _mac(key, project_id, body)) for key in self._keys)
        except ValueError:  # not ours in the least, or text that no project is called
            return False


def anonymous_visitor(device_id: DeviceId) -> VisitorId:
    """The anonymous record this certified device speaks for: always the same UUIDv7.

    It has the device id's time and a hash of its random bytes, so that the visitor's id, which
    agents see, does not give the device id away.
    """
    raw = base64url.decode(device_id.encode("ascii"))
    milliseconds = int.from_bytes(raw[:_TIME_BYTES], "big")
    randomness = sha256(_VISITOR_LABEL + raw[_TIME_BYTES:_BODY_BYTES]).digest()
    return VisitorId(uuid7_at(milliseconds, randomness))


def _mac(key: bytes, project_id: ProjectId, body: bytes) -> bytes:
    message = join(_MAC_LABEL, project_id.encode(), body)
    return hmac.digest(key, message, "sha256")[:_MAC_BYTES]
