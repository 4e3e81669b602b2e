"""Rotations: one secret taking over from another, and the receipt of what that did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import KeyId, NodeId, ProjectId, RotationId


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
class SessionCounts:
    """Live sessions of the revoked secret: found, closed by their nodes, gone by themselves."""

    targeted: int = 0
    closed: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """Gateway nodes: asked, answered, and those whose lease expired unanswered, by name."""

    asked: int = 0
    answered: int = 0
    expired: tuple[NodeId, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether each node that was asked has answered or is named."""
        return self.asked <= self.answered + len(self.expired)


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
    sessions: SessionCounts = SessionCounts()
    nodes: NodeCounts = NodeCounts()
    window_ends_at: datetime | None = None
    stretch_minutes: int = 0
    not_before: datetime | None = None
    moved_because: Moved | None = None
    moved_at: datetime | None = None


def tally(
    targeted: int, asked: dict[NodeId, bool], closed: dict[NodeId, int]
) -> tuple[SessionCounts, NodeCounts]:
    """The receipt's figures from what the stores and the nodes said.

    Args:
        targeted: sessions found under the dead generations after the epoch was raised.
        asked: every node that was asked, and whether its lease still stands.
        closed: the answers so far: how many sockets each node closed.
    """
    closed_total = sum(closed.values())
    expired = tuple(
        sorted(node for node, alive in asked.items() if node not in closed and not alive)
    )
    found = max(targeted, closed_total)
    return (
        SessionCounts(targeted=found, closed=closed_total, gone=found - closed_total),
        NodeCounts(asked=len(asked), answered=len(closed), expired=expired),
    )


def is_settled(asked: dict[NodeId, bool], closed: dict[NodeId, int]) -> bool:
    """Whether every node that was asked has answered or is dead."""
    return all(node in closed or not alive for node, alive in asked.items())


def fuller(before: NodeCounts, now: NodeCounts) -> NodeCounts:
    """The counts to keep of one rotation: Redis may have lost nodes that SQL already noted.

    Where those of before still waited for nodes that nobody knows any more, they are given up.
    """
    is_loss = now.asked < before.asked
    return before if is_loss and (before.is_whole or not now.is_whole) else now


def larger(before: SessionCounts, now: SessionCounts) -> SessionCounts:
    """The fuller of two counts of one rotation: Redis may have lost what SQL already noted."""
    targeted = max(before.targeted, now.targeted)
    closed = max(before.closed, now.closed)
    return SessionCounts(targeted=targeted, closed=closed, gone=targeted - closed)
