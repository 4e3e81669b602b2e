"""Rotations, as people read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.pages.audit_sentences import who
from dashboard.pages.overview_figures import name_of, took
from domain.ids import KeyId
from domain.rotation_plans import PENDING
from domain.rotations import Moved, Rotation, RotationHow, RotationState
from domain.signing_secrets import SecretState, SigningSecret
from services.read_rotations import LastUse, RotationWithUse
from storage.sql.actors import ActorName

_STATES = {
    RotationState.SCHEDULED: ("waits to be revealed", "accent"),
    RotationState.OVERLAPPING: ("both secrets verify", "warn"),
    RotationState.CUTTING: ("disconnecting", "warn"),
    RotationState.COMPLETED: ("completed", "good"),
    RotationState.CANCELLED: ("cancelled", "plain"),
    RotationState.SUPERSEDED: ("replaced", "plain"),
}
_HOWS = {
    RotationHow.NOW: "at once",
    RotationHow.AT: "at a given time",
    RotationHow.OFF_HOURS: "in off-hours",
}
_MOVED = {
    Moved.NEW_SECRET_UNUSED: "the new secret has never verified a token",
    Moved.SECRET_WAITING: "the new secret was never revealed",
    Moved.WINDOW_MISSED: "its off-hours had passed before it was carried out",
    Moved.HOURS_CHANGED: "the operating hours were changed",
    Moved.NEVER_OFFLINE: "by the operating hours chat is never offline",
}


@dataclass(frozen=True, slots=True)
class RotationShown:
    """One rotation.

    Attributes:
        old_name: what the secret that ends is called; None where it is not known.
        is_used: whether the new secret has verified a token.
        is_under_way: whether anything about it can still be changed.
    """

    rotation: Rotation
    use: LastUse
    old_name: str | None
    new_name: str
    requested_by: str
    is_used: bool
    is_under_way: bool

    @property
    def state(self) -> tuple[str, str]:
        """In words, and the colour of it."""
        return _STATES[self.rotation.state]

    @property
    def how(self) -> str:
        """How its date was found."""
        return _HOWS[RotationHow(self.rotation.how)]

    @property
    def moved(self) -> str | None:
        """Why its date is another one than asked for."""
        because = self.rotation.moved_because
        return _MOVED[because] if because else None

    @property
    def is_pending(self) -> bool:
        """Whether it has its cut before it."""
        return self.rotation.state in PENDING

    @property
    def waits(self) -> bool:
        """Whether its new secret has to be revealed first."""
        return self.rotation.state is RotationState.SCHEDULED

    @property
    def completed_after(self) -> str | None:
        """From the revocation until every node had told."""
        return _between(self.rotation.effective_at, self.rotation.completed_at)

    @property
    def effective_after(self) -> str | None:
        """From the wish, or the date, until the revocation; None where it was run before."""
        planned = self.rotation.how != RotationHow.NOW
        wanted = self.rotation.due_at if planned else self.rotation.requested_at
        return _between(wanted, self.rotation.effective_at)


def show_rotations(
    found: Sequence[RotationWithUse],
    secrets: Sequence[SigningSecret],
    names: Mapping[str, ActorName],
) -> list[RotationShown]:
    """The rotations for people, in the same order.

    Args:
        found: of one project.
        secrets: all of that project.
        names: of those who asked for them.
    """
    by_key = {secret.key_id: secret for secret in secrets}
    return [_show(each, by_key, names) for each in found]


def _show(
    found: RotationWithUse, secrets: Mapping[KeyId, SigningSecret], names: Mapping[str, ActorName]
) -> RotationShown:
    rotation = found.rotation
    old = secrets.get(rotation.old_key_id) if rotation.old_key_id else None
    new = secrets[rotation.new_key_id]
    return RotationShown(
        rotation=rotation,
        use=found.last_old_key_use,
        old_name=name_of(old) if old else None,
        new_name=name_of(new),
        requested_by=who(rotation.requested_by, names),
        is_used=new.last_verified_at is not None,
        is_under_way=rotation.state in PENDING or _still_stands(rotation, old, new),
    )


def _still_stands(rotation: Rotation, old: SigningSecret | None, new: SigningSecret) -> bool:
    """A cancelled rotation can be given a date again while both its secrets are valid."""
    return (
        rotation.state is RotationState.CANCELLED
        and old is not None
        and old.state is SecretState.RETIRING
        and new.state is SecretState.ACTIVE
    )


def _between(since: datetime | None, until: datetime | None) -> str | None:
    if since is None or until is None or until - since < timedelta(0):
        return None
    return took(until - since)
