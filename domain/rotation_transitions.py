"""The words that transitions are told in: phases, commands, and what a command does in a phase."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from domain.errors import Conflict
from domain.rotations import Moved, RotationState
from domain.signing_secrets import SecretState


class Phase(StrEnum):
    """What a project's living secrets are. A new secret is *used* once it has verified a token."""

    EMPTY = "no secret"
    STEADY = "one secret"
    WAITING = "next one waiting"
    UNUSED = "overlap, new one unused"
    USED = "overlap, new one used"
    CANCELLED_UNUSED = "cancelled, new one unused"
    CANCELLED_USED = "cancelled, new one used"


class Command(StrEnum):
    """What people, the policy and the clock may ask for."""

    REGENERATE = "regenerate"
    PLAN = "plan"
    PLAN_FORCED = "plan, forced"
    SCHEDULE = "policy comes due"
    REVEAL = "reveal"
    RESCHEDULE = "reschedule"
    PIN = "pin, unpin"
    CANCEL = "cancel"
    RUN = "run"
    RUN_FORCED = "run, forced"
    DUE = "cut due"
    DUE_FORCED = "cut due, forced"
    DUE_OUTSIDE = "cut due, chat open"
    HOURS = "hours changed"


class Dating(StrEnum):
    """What becomes of the rotation's date."""

    KEPT = "kept"
    ASKED = "as asked"
    NOW = "now"
    NEXT = "next off-hours"
    REMOVED = "removed"
    BY_HOURS = "by the hours, unless pinned"


@dataclass(frozen=True, slots=True)
class Transition:
    """What a command does in a phase; what is None stays as it is.

    Attributes:
        then: the phase afterwards.
        new: the state of the secret that is made, if one is.
        waiting: what becomes of the waiting secret; likewise `active` and `retiring`.
        standing: what becomes of the rotation under way.
        begun: the state of the rotation that begins, if one does.
        date: what becomes of the date of the rotation that begins, or else of the standing one.
        because: why that date is moved.
        unguarded: the cut will not ask, or did not ask, whether the new secret is used.
    """

    then: Phase
    new: SecretState | None = None
    waiting: SecretState | None = None
    active: SecretState | None = None
    retiring: SecretState | None = None
    standing: RotationState | None = None
    begun: RotationState | None = None
    date: Dating = Dating.KEPT
    because: Moved | None = None
    unguarded: bool = False


Cell: TypeAlias = Transition | type[Conflict]
