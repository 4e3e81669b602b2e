"""Rotations: one secret taking over from another, and the receipt of what that did."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.ids import KeyId, ProjectId, RotationId
from domain.receipts import Answers, NodeCounts, SessionCounts


class RotationState(StrEnum):
    """`scheduled` → `overlapping` → `cutting` → `completed`; or `cancelled`, `superseded`."""

    SCHEDULED = "scheduled"
    OVERLAPPING = "overlapping"
    CUTTING = "cutting"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class RotationHow(StrEnum):
    """How the date of the cut is found: at once, at a given time, when chat is next offline."""

    NOW = "now"
    AT = "at"
    OFF_HOURS = "off_hours"


class Moved(StrEnum):
    """Why the date of a pending rotation is another one than it was.

    The secret that takes over has not verified a token, or was never revealed; the cut was found
    too late, with chat open again; the operating hours or the zone were changed; or by the hours
    chat is never offline, so that there is no date at all.
    """

    NEW_SECRET_UNUSED = "new_secret_unused"
    SECRET_WAITING = "secret_waiting"
    WINDOW_MISSED = "window_missed"
    HOURS_CHANGED = "hours_changed"
    NEVER_OFFLINE = "never_offline"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation as SQL holds it: `due_at` is the wanted cut, `effective_at` the real one.

    Attributes:
        pinned: a change of the operating hours leaves its date alone.
        forced: the cut does not ask whether the new secret ever verified a token.
        window_ends_at: when chat opens again after `due_at`, for one that waits for off-hours.
        stretch_minutes: how long chat has to be offline for it.
        not_before: off-hours that begin earlier are not for it.
        moved_because: why `due_at` is not the date it was planned for, if it is not.
        moved_at: since when that is so; a repeated move for the same reason leaves it.
        answers: by node, what `nodes` and the closed sessions are counted from.
    """

    id: RotationId
    project_id: ProjectId
    old_key_id: KeyId | None
    new_key_id: KeyId
    how: str
    state: RotationState
    requested_at: datetime
    requested_by: str
    reason: str | None = None
    pinned: bool = False
    forced: bool = False
    due_at: datetime | None = None
    effective_at: datetime | None = None
    completed_at: datetime | None = None
    sessions: SessionCounts = field(default_factory=SessionCounts)
    nodes: NodeCounts = field(default_factory=NodeCounts)
    answers: Answers = field(default_factory=dict, hash=False)
    window_ends_at: datetime | None = None
    stretch_minutes: int = 0
    not_before: datetime | None = None
    moved_because: Moved | None = None
    moved_at: datetime | None = None
