"""What operating hours would come to, before they are set."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.off_hours import Stretch, next_stretches
from domain.operating_hours import OperatingHours
from domain.rotation_dates import Calendar, by_hours
from domain.rotations import Rotation
from storage.sql import projects, rotations
from storage.sql.engine import now_of


@dataclass(frozen=True, slots=True)
class DateChange:
    """A rotation that would have another date, or none."""

    rotation: Rotation
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoursPreview:
    """The coming stretches, none where chat would never be offline; the rotations that move."""

    stretches: list[Stretch]
    moved: list[DateChange]


def preview_hours(
    db: Connection,
    project_id: ProjectId,
    hours: OperatingHours | None,
    zone: ZoneInfo,
    count: int,
) -> HoursPreview:
    """Up to `count` stretches by these hours, and what setting them would move; nothing is set.

    Raises:
        ProjectNotFound: there is no such project.
    """
    projects.get_project(db, project_id)
    now = now_of(db)
    calendar = Calendar(hours, zone, now)
    moved = [
        DateChange(rotation, after.due_at)
        for rotation in rotations.list_pending(db, project_id)
        if (after := by_hours(rotation, calendar)).due_at != rotation.due_at
    ]
    return HoursPreview(next_stretches(hours, zone, now, count=count), moved)
