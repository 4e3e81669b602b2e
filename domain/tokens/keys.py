"""The secrets of one project that a token can be held against, and which of them is tried."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.ids import KeyId, ProjectId
from domain.signing_secrets import SecretState

SECRET_CHARACTERS = 64
NAMED_AFTER_REVOCATION = timedelta(days=7)

_ACCEPTED_STATES = (SecretState.ACTIVE, SecretState.RETIRING)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One generation of the secret, opened. The HMAC key is its text as ASCII, as it stands."""

    key_id: KeyId
    generation: int
    state: SecretState
    secret: bytes = field(repr=False)
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        # An erased secret must never become an empty HMAC key, with which anybody can sign.
        if len(self.secret) != SECRET_CHARACTERS:
            raise ValueError(f"a signing secret has {SECRET_CHARACTERS} characters")

    @property
    def is_accepted(self) -> bool:
        """Whether tokens signed with it are good."""
        return self.state in _ACCEPTED_STATES

    def is_lately_revoked(self, now: datetime) -> bool:
        """Whether it was revoked in the last seven days, after which it is erased."""
        if self.state is not SecretState.REVOKED or self.revoked_at is None:
            return False
        return now - self.revoked_at <= NAMED_AFTER_REVOCATION


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The secrets of one project, in any order."""

    project_id: ProjectId
    keys: tuple[VerificationKey, ...]

    def find(self, key_id: str, now: datetime) -> VerificationKey | None:
        """The secret of that id: one that verifies, or one revoked in the last seven days."""
        for key in self.keys:
            if key.key_id == key_id:
                is_usable = key.is_accepted or key.is_lately_revoked(now)
                return key if is_usable else None
        return None

    def candidates(self, now: datetime) -> tuple[VerificationKey, ...]:
        """What a token without `kid` is held against, in this order: active, retiring, revoked.

        Of the revoked ones only the latest, and only to give the refusal its name.
        """
        accepted = (key for state in _ACCEPTED_STATES for key in self.keys if key.state is state)
        revoked = (key for key in self.keys if key.is_lately_revoked(now))
        latest = sorted(revoked, key=lambda key: key.generation)[-1:]
        return (*accepted, *latest)

    def newer_than(self, generation: int) -> frozenset[KeyId]:
        """The secrets that verify and were made after the one of this generation."""
        newer = (key for key in self.keys if key.is_accepted and key.generation > generation)
        return frozenset(key.key_id for key in newer)
