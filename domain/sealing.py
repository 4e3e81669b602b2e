"""Signing secrets at rest: sealed with AES-256-GCM, each to its own row."""

from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain import base64url
from domain.errors import WidgetAuthError
from domain.ids import KeyId, ProjectId
from domain.length_prefixed import join

KEY_BYTES = 32
NONCE_BYTES = 12
_VERSION = "v1"
_SECRET_LABEL = b"widget-auth signing secret v1"
_KEY_ID_LABEL = b"widget-auth sealing key id v1"


class SealBroken(WidgetAuthError):
    """A sealed value cannot be opened: altered, moved, or sealed with a key that is not at hand."""


class SecretSealer:
    """Seals with the first of the keys and opens with all of them."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._ciphers = {sealing_key_id(key): AESGCM(key) for key in require_keys(keys)}
        self._first = sealing_key_id(keys[0])

    def seal(self, secret: bytes, project_id: ProjectId, key_id: KeyId, nonce: bytes) -> str:
        """The secret as `v1.<sealing key id>.<nonce and ciphertext>`; opens for this row only.

        Args:
            secret: what is sealed.
            project_id: whose secret it is.
            key_id: which of the project's secrets it is.
            nonce: exactly 12 random bytes, never used before.
        """
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
        ciphertext = self._ciphers[self._first].encrypt(nonce, secret, _row(project_id, key_id))
        return f"{_VERSION}.{self._first}.{base64url.encode(nonce + ciphertext).decode()}"

    def open(self, sealed: str, project_id: ProjectId, key_id: KeyId) -> bytes:
        """The secret that was sealed for this row.

        Raises:
            SealBroken: it was not, or not with one of these keys.
        """
        try:
            version, sealing_id, body = sealed.split(".")
            raw = base64url.decode(body.encode("ascii"))
            cipher = self._ciphers[sealing_id]
            secret = cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _row(project_id, key_id))
        except (ValueError, KeyError, InvalidTag):
            raise SealBroken from None
        if version != _VERSION:
            raise SealBroken
        return secret

    def sealed_with_first(self, sealed: str) -> bool:
        """Whether nothing is gained by sealing it again."""
        return sealed.startswith(f"{_VERSION}.{self._first}.")


def sealing_key_id(key: bytes) -> str:
    """Eight hexadecimal digits by which a sealed text names its key; they do not give it away."""
    return sha256(_KEY_ID_LABEL + key).hexdigest()[:8]


def require_keys(keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The keys, if there is at least one and each has 32 bytes.

    Raises:
        ValueError: otherwise; it says nothing of their content.
    """
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"sealing needs at least one key, each of {KEY_BYTES} bytes")
    return keys


def _row(project_id: ProjectId, key_id: KeyId) -> bytes:
    return join(_SECRET_LABEL, project_id.encode(), key_id.encode())
