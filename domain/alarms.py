"""What is wrong now and waits for somebody: found anew whenever it is asked for, stored nowhere."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import ProjectId


class AlarmKind(StrEnum):
    """Every kind of alarm."""

    ROTATION_POSTPONED = "rotation_postponed"
    """A cut was put off, because it would have locked everyone out."""

    ROTATION_LATE = "rotation_late"
    """A cut did not happen when it was to, and was moved or is overdue."""

    PROJECT_HALTED = "project_halted"
    """Redis knows of revocations that SQL has lost; nobody can sign in to this project."""

    EVENT_PARKED = "event_parked"
    """A committed event could not be carried out and is not repeated any more."""

    MESSAGE_PARKED = "message_parked"
    """A message came that no task could make sense of, or that SQL does not confirm."""

    QUEUE_SILENT = "queue_silent"
    """No task of a queue has run lately."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that somebody has to look at.

    Attributes:
        project_id: whose it is; None where it is the whole system's.
        since: when it began; None where nobody knows.
        message: a sentence or two: what is wrong, and what to do.
        reference: the rotation, event or message that it is about, or the queue's name.
    """

    kind: AlarmKind
    project_id: ProjectId | None
    since: datetime | None
    message: str
    reference: str | None = None
