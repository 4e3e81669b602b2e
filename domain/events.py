"""Events in the past tense: facts that leave through the outbox."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import EventId, ProjectId
from domain.json_values import JsonObject


class EventKind(StrEnum):
    """Every kind of fact."""

    SECRET_ROTATED = "SecretRotated"
    SECRET_REVOKED = "SecretRevoked"
    SESSIONS_CLOSED = "SessionsClosed"
    ROTATION_POSTPONED = "RotationPostponed"
    VISITOR_VERIFIED = "VisitorVerified"
    VISITORS_MERGED = "VisitorsMerged"
    MERGE_UNDONE = "MergeUndone"
    VISITOR_SIGNED_OUT = "VisitorSignedOut"


# Facts that a worker still has to carry out; the others are done by being written.
KINDS_WITH_WORK = frozenset(
    {EventKind.SECRET_REVOKED, EventKind.VISITOR_SIGNED_OUT, EventKind.MERGE_UNDONE}
)


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One fact, written in the commit that made it true; its payload holds no secret.

    A parked one failed for too long and is not repeated by itself any more.
    """

    event_id: EventId
    project_id: ProjectId
    kind: EventKind
    payload: JsonObject
    created_at: datetime
    done_at: datetime | None = None
    attempts: int = 0
    parked_at: datetime | None = None
    parked_because: str | None = None

    @property
    def has_work(self) -> bool:
        """Whether a worker carries it out; that a visitor signed out on a socket it does not.

        Only who was signed out everywhere has a new epoch, of which others have to hear.
        """
        if self.kind is EventKind.VISITOR_SIGNED_OUT:
            return "person_epoch" in self.payload
        return self.kind in KINDS_WITH_WORK
