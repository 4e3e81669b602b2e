"""Tokens that we sign ourselves: each purpose has its own key, so that none passes for another."""

import hmac
from datetime import datetime, timedelta
from enum import StrEnum

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain import base64url
from domain.json_values import JsonObject
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.numeric_dates import read_date, require_unexpired
from domain.tokens.parsing import bare_token, parse, require_algorithm

KEY_BYTES = 32
_DIGEST_LABEL = b"digest:"  # no JWT begins so
_DIGEST_BYTES = 16


class Purpose(StrEnum):
    """What a token is for; the text goes into the key."""

    GUEST = "widget-auth guest token v1"
    MEMBER = "widget-auth member token v1"


class OwnTokens:
    """Signs tokens of one purpose and knows them again.

    Args:
        key: 32 random bytes; what is signed with is derived from it (HKDF-SHA256, RFC 5869), for
            this purpose alone.
        purpose: of every token.
    """

    def __init__(self, key: bytes, purpose: Purpose) -> None:
        derivation = HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode())
        self._key = derivation.derive(key)

    def sign(self, claims: JsonObject, now: datetime, lifetime: timedelta) -> str:
        """A token of these claims, good until the lifetime is over."""
        issued = int(now.timestamp())
        dates = {"iat": issued, "exp": issued + int(lifetime.total_seconds())}
        return jwt.encode({**claims, **dates}, self._key, algorithm="HS256")

    def digest(self, text: str) -> str:
        """A word for the text that only this key can make, to be put into a token."""
        mac = hmac.digest(self._key, _DIGEST_LABEL + text.encode(), "sha256")
        return base64url.encode(mac[:_DIGEST_BYTES]).decode()

    def read(self, text: str, now: datetime) -> JsonObject:
        """The claims of a token that `sign` made for this purpose, and that is still good.

        Raises:
            TokenRefused: it is none.
        """
        parsed = parse(bare_token(text))
        if not require_algorithm(parsed).verify(parsed.signing_input, self._key, parsed.signature):
            raise TokenRefused(RefusalCode.SIGNATURE_INVALID)
        expires_at = read_date(parsed.payload, "exp")
        if expires_at is None:
            raise TokenRefused(RefusalCode.CLAIM_MISSING)
        require_unexpired(expires_at, now, leeway_seconds=0)
        return parsed.payload
