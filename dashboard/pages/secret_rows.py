"""A project's secrets, as people read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.pages.audit_sentences import who
from domain.ids import KeyId
from domain.signing_secrets import SecretState, SigningSecret
from services.read_secrets import SecretWithDate
from storage.sql.actors import ActorName

_TONES = {
    SecretState.WAITING: "accent",
    SecretState.ACTIVE: "good",
    SecretState.RETIRING: "warn",
    SecretState.REVOKED: "plain",
}


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One secret; `live` counts the sessions that it vouches for now, None if nobody knows."""

    stored: SigningSecret
    due_at: datetime | None
    created_by: str
    live: int | None

    @property
    def name(self) -> str:
        """What it is called among people."""
        return f"Secret {self.stored.generation}"

    @property
    def tone(self) -> str:
        """The colour of its state."""
        return _TONES[self.stored.state]


@dataclass(frozen=True, slots=True)
class SecretsShown:
    """The secrets, newest first, those in use by their state, and what a cut would close now."""

    rows: Sequence[SecretRow]
    anonymous: int | None

    @property
    def active(self) -> SecretRow | None:
        """The one that sites sign with."""
        return self._in(SecretState.ACTIVE)

    @property
    def waiting(self) -> SecretRow | None:
        """The one that a policy made, and nobody has seen."""
        return self._in(SecretState.WAITING)

    @property
    def retiring(self) -> SecretRow | None:
        """The one that still verifies until its date."""
        return self._in(SecretState.RETIRING)

    @property
    def live(self) -> int | None:
        """How many sessions a regenerate would close now, None if nobody knows."""
        return None if self.anonymous is None else sum(row.live or 0 for row in self.rows)

    def _in(self, state: SecretState) -> SecretRow | None:
        return next((row for row in self.rows if row.stored.state is state), None)


def show_secrets(
    found: Sequence[SecretWithDate],
    names: Mapping[str, ActorName],
    counts: Mapping[KeyId | None, int] | None,
) -> SecretsShown:
    """The secrets as the page shows them; without counts while nobody can say them."""
    rows = [
        SecretRow(
            stored=each.stored,
            due_at=each.due_at,
            created_by=who(each.stored.created_by, names),
            live=None if counts is None else counts.get(each.stored.key_id, 0),
        )
        for each in found
    ]
    return SecretsShown(rows, None if counts is None else counts.get(None, 0))
