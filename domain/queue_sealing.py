"""Tokens in queue messages: sealed, so that whoever reads the broker reads none."""

from functools import lru_cache
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain import base64url
from domain.ids import ProjectId, RequestId
from domain.length_prefixed import join
from domain.sealing import KEY_BYTES, NONCE_BYTES, SealBroken, require_keys, sealing_key_id

SEALED_PREFIX = "sealed:"
SALT_BYTES = 16
_KEY_ID_BYTES = 4
_HEAD_BYTES = _KEY_ID_BYTES + SALT_BYTES + NONCE_BYTES
_TOKEN_LABEL = b"widget-auth queued token v1"
_SUBKEY_LABEL = b"widget-auth queue subkey v1"
_KNOWN_SUBKEYS = 256  # processes that publish at a time, with room for their restarts


class TokenSealer:
    """Seals for one process, with a subkey of its own; opens what any process sealed.

    A subkey (HKDF-SHA256 of the first key and the salt) sees one nonce per number of a counter,
    so no nonce ever comes twice while every process draws its own salt. Make it after forking.
    """

    def __init__(self, keys: tuple[bytes, ...], salt: bytes) -> None:
        if len(salt) != SALT_BYTES:
            raise ValueError(f"a salt has {SALT_BYTES} bytes")
        self._keys = {bytes.fromhex(sealing_key_id(key)): key for key in require_keys(keys)}
        self._subkey = lru_cache(maxsize=_KNOWN_SUBKEYS)(self._derive)
        self._own = bytes.fromhex(sealing_key_id(keys[0])) + salt
        self._own_subkey = self._derive(self._own)
        self._numbers = count()

    def seal(self, token: str, request_id: RequestId, project_id: ProjectId) -> str:
        """The token as `sealed:<key id, salt, nonce, ciphertext>`; opens for this request only."""
        nonce = next(self._numbers).to_bytes(NONCE_BYTES, "big")
        associated = _request(request_id, project_id)
        ciphertext = self._own_subkey.encrypt(nonce, token.encode(), associated)
        return SEALED_PREFIX + base64url.encode(self._own + nonce + ciphertext).decode()

    def open(self, text: str, request_id: RequestId, project_id: ProjectId) -> str:
        """The token that was sealed for this request of this project.

        Raises:
            SealBroken: it was not, or not with one of these keys.
        """
        if not is_sealed(text):
            raise SealBroken
        try:
            raw = base64url.decode(text[len(SEALED_PREFIX) :].encode("ascii"))
            subkey = self._subkey(raw[: _KEY_ID_BYTES + SALT_BYTES])
            nonce = raw[_KEY_ID_BYTES + SALT_BYTES : _HEAD_BYTES]
            associated = _request(request_id, project_id)
            return subkey.decrypt(nonce, raw[_HEAD_BYTES:], associated).decode()
        except (ValueError, KeyError, InvalidTag):
            raise SealBroken from None

    def _derive(self, key_id_and_salt: bytes) -> AESGCM:
        key = self._keys[key_id_and_salt[:_KEY_ID_BYTES]]
        salt = key_id_and_salt[_KEY_ID_BYTES:]
        subkey = HKDF(SHA256(), KEY_BYTES, salt=salt, info=_SUBKEY_LABEL).derive(key)
        return AESGCM(subkey)


def is_sealed(text: str) -> bool:
    """Whether the text claims to be a sealed token, rather than a token in clear."""
    return text.startswith(SEALED_PREFIX)


def _request(request_id: RequestId, project_id: ProjectId) -> bytes:
    return join(_TOKEN_LABEL, request_id.encode(), project_id.encode())
