"""When a project's chat is offline next."""

from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.off_hours import Stretch, next_stretches
from domain.operating_hours import parse_hours
from storage.sql import projects
from storage.sql.engine import now_of


def read_off_hours(db: Connection, project_id: ProjectId, count: int) -> list[Stretch]:
    """Up to `count` coming stretches in order; none where chat is never offline.

    Raises:
        ProjectNotFound: there is no such project.
    """
    project = projects.get_project(db, project_id)
    hours, zone = parse_hours(project.operating_hours), ZoneInfo(project.time_zone)
    return next_stretches(hours, zone, now_of(db), count=count)
