"""Tokens made by hand, good and bad, without any of the code under test."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

from domain.ids import KeyId, ProjectId
from domain.signing_secrets import SecretState
from domain.tokens.keys import KeyRing, VerificationKey
from domain.tokens.policy import TokenPolicy

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
PROJECT = ProjectId("019aa000-0000-7000-8000-000000000001")
DEFAULT = TokenPolicy.of_preset("default")
TILEDESK = TokenPolicy.of_preset("tiledesk")

DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
CLAIMS = {"external_id": "ada", "iat": SECONDS, "exp": SECONDS + 300}


def secret(letter: str) -> bytes:
    """A secret's 64 characters."""
    return letter.encode() * 64


def key(
    letter: str, generation: int, state: str, revoked: timedelta | None = None
) -> VerificationKey:
    """A key named after its letter, revoked so long ago."""
    return VerificationKey(
        KeyId(f"key-{letter}"),
        generation,
        SecretState(state),
        secret(letter),
        None if revoked is None else NOW - revoked,
    )


def ring(*keys: VerificationKey) -> KeyRing:
    """The project's ring; with no keys given, one of a single active key `a`."""
    return KeyRing(PROJECT, keys or (key("a", 1, "active"),))


def part(content: object) -> str:
    """One segment: bytes and text as they are, anything else as JSON."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(head_and_payload: str, letter: str = "a", algorithm: str = "HS256") -> str:
    """The two segments with a signature by the secret of that letter behind them."""
    mac = hmac.new(secret(letter), head_and_payload.encode(), DIGESTS[algorithm])
    return f"{head_and_payload}.{part(mac.digest())}"


def mint(payload: object = None, *, by: str = "a", header: object = None) -> str:
    """A token of these claims (`CLAIMS` if none), signed with HS256 whatever its header says."""
    head = {"alg": "HS256", "typ": "JWT"} if header is None else header
    return signed(f"{part(head)}.{part(CLAIMS if payload is None else payload)}", by)
