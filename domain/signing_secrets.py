"""Shared secrets that sites sign tokens with: how they are made, which states they pass."""

import base64
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import KeyId, ProjectId

SECRET_RANDOM_BYTES = 48


class SecretState(StrEnum):
    """`waiting` → `active` → `retiring` → `revoked`; nothing goes back."""

    WAITING = "waiting"
    ACTIVE = "active"
    RETIRING = "retiring"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """One generation of a project's secret, as stored; the secret itself only sealed."""

    key_id: KeyId
    project_id: ProjectId
    generation: int
    state: SecretState
    sealed: str | None
    last_four: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
    last_verified_at: datetime | None = None
    last_refused_at: datetime | None = None


def encode_secret(randomness: bytes) -> str:
    """The secret's text: 64 URL-safe characters, whose ASCII bytes are the HMAC key (RFC 7518 3.2).

    Args:
        randomness: exactly 48 random bytes.
    """
    if len(randomness) != SECRET_RANDOM_BYTES:
        message = f"a signing secret is made of {SECRET_RANDOM_BYTES} random bytes"
        raise ValueError(message)
    return base64.urlsafe_b64encode(randomness).decode("ascii")
