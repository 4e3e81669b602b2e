"""What a command about secrets starts from, and the plan that it comes to: values, no I/O.

Storage writes a plan in one commit: the changes to secrets in their order, the new secret, the
changed rotations, the new one, the epoch, the events, the audit line.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.events import EventKind
from domain.ids import KeyId, ProjectId, RotationId
from domain.json_values import JsonObject
from domain.operating_hours import OperatingHours
from domain.rotation_dates import Calendar
from domain.rotation_transitions import Phase
from domain.rotations import Moved, Rotation, RotationState
from domain.signing_secrets import SecretState, SigningSecret

# The rotations that still wait for their cut; at most one a project.
PENDING = frozenset({RotationState.SCHEDULED, RotationState.OVERLAPPING})

# What the old and the new secret of a rotation are while it is under way.
_SECRETS_UNDER_WAY = {
    RotationState.SCHEDULED: (SecretState.ACTIVE, SecretState.WAITING),
    RotationState.OVERLAPPING: (SecretState.RETIRING, SecretState.ACTIVE),
    RotationState.CANCELLED: (SecretState.RETIRING, SecretState.ACTIVE),
}


@dataclass(frozen=True, slots=True)
class Situation:
    """A project's secrets and rotations as loaded under its lock, its hours, and what time it is.

    Attributes:
        secrets: every generation there ever was, in any order.
        rotations: at least those that are pending, and those whose old secret is retiring.
        now: the database's clock.
        halted_epoch: generations up to this one existed, known here or lost (decision 0009).
    """

    project_id: ProjectId
    epoch: int
    secrets: tuple[SigningSecret, ...]
    rotations: tuple[Rotation, ...]
    now: datetime
    hours: OperatingHours | None
    zone: ZoneInfo
    halted_epoch: int | None = None

    @property
    def calendar(self) -> Calendar:
        """When chat is offline, seen from now."""
        return Calendar(self.hours, self.zone, self.now)

    @property
    def living(self) -> list[SigningSecret]:
        """The secrets that are not revoked, newest first."""
        living = (one for one in self.secrets if one.state is not SecretState.REVOKED)
        return sorted(living, key=lambda one: one.generation, reverse=True)

    @property
    def next_generation(self) -> int:
        """The number of the secret that is made next: none that was ever one's, or is revoked."""
        known = max((one.generation for one in self.secrets), default=0)
        return max(known + 1, (self.halted_epoch or 0) + 1, self.epoch)

    def find(self, state: SecretState) -> SigningSecret | None:
        """The secret in that state: waiting, active or retiring, of which there is at most one."""
        return next((one for one in self.secrets if one.state is state), None)

    @property
    def standing(self) -> Rotation | None:
        """The rotation under way: waiting for its secret to be revealed, or for its cut.

        A cancelled one is still under way while both its secrets are valid.
        """
        return next((one for one in self.rotations if self._is_under_way(one)), None)

    @property
    def phase(self) -> Phase:
        """What the living secrets are."""
        active = self.find(SecretState.ACTIVE)
        if active is None:
            return Phase.EMPTY
        if self.find(SecretState.WAITING):
            return Phase.WAITING
        if not self.find(SecretState.RETIRING):
            return Phase.STEADY
        is_used = active.last_verified_at is not None
        if self.standing and self.standing.state is RotationState.OVERLAPPING:
            return Phase.USED if is_used else Phase.UNUSED
        return Phase.CANCELLED_USED if is_used else Phase.CANCELLED_UNUSED

    def _is_under_way(self, rotation: Rotation) -> bool:
        old_state, new_state = _SECRETS_UNDER_WAY.get(rotation.state, (None, None))
        return self._is_in(rotation.old_key_id, old_state) and self._is_in(
            rotation.new_key_id, new_state
        )

    def _is_in(self, key_id: KeyId | None, state: SecretState | None) -> bool:
        secret = self.find(state) if state else None
        return secret is not None and secret.key_id == key_id


@dataclass(frozen=True, slots=True)
class Order:
    """Who asks for a new secret, why, and the unused ids that it and its rotation may have."""

    key_id: KeyId
    rotation_id: RotationId
    requested_by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret to make, seal and insert; its text is the caller's to hand out or to keep."""

    key_id: KeyId
    generation: int
    state: SecretState


@dataclass(frozen=True, slots=True)
class SecretChange:
    """A secret that passes into another state; in their order no state is ever held twice."""

    key_id: KeyId
    state: SecretState


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """A fact for the outbox."""

    kind: EventKind
    payload: JsonObject


@dataclass(frozen=True, slots=True)
class AuditWords:
    """What the audit log says was done."""

    action: str
    details: JsonObject


@dataclass(frozen=True, slots=True)
class DateMoved:
    """A rotation's date is another one than it was."""

    rotation_id: RotationId
    because: Moved
    due_before: datetime | None
    due_at: datetime | None

    @property
    def is_alarm(self) -> bool:
        """Whether somebody has to look: the cut did not happen when it was to."""
        return self.because is not Moved.HOURS_CHANGED


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """What one command comes to; an empty one changes nothing.

    Attributes:
        new_secret: to be inserted after the changes.
        secret_changes: in the order they are to be written.
        updated: rotations as they are afterwards.
        inserted: the rotation that begins.
        epoch: what the project's epoch rises to, or None where it stays.
        moved: that a rotation was postponed or moved, for log, metric and alarm.
    """

    new_secret: NewSecret | None = None
    secret_changes: tuple[SecretChange, ...] = ()
    updated: tuple[Rotation, ...] = ()
    inserted: Rotation | None = None
    epoch: int | None = None
    events: tuple[PlannedEvent, ...] = ()
    audit: AuditWords | None = None
    moved: DateMoved | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self == RotationPlan()

    @property
    def rotation(self) -> Rotation | None:
        """The rotation that the command is about, as it is afterwards."""
        return self.inserted or (self.updated[-1] if self.updated else None)

    @property
    def cut(self) -> Rotation | None:
        """The rotation that this plan cuts, if it does."""
        touched = (*self.updated, self.inserted)
        cutting = (one for one in touched if one and one.state is RotationState.CUTTING)
        return next(cutting, None)
