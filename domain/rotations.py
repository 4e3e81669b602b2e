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


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation as SQL holds it: `due_at` is the wanted cut, `effective_at` the real one."""

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


def larger(before: SessionCounts, now: SessionCounts) -> SessionCounts:
    """The fuller of two counts of one rotation: Redis may have lost what SQL already noted."""
    targeted = max(before.targeted, now.targeted)
    closed = max(before.closed, now.closed)
    return SessionCounts(targeted=targeted, closed=closed, gone=targeted - closed)
