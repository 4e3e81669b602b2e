"""Merges: found and undone."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import MergeId, ProjectId, VisitorId
from storage.sql.messages import note_last_message
from storage.sql.tables import merges, visitors


class MergeNotFound(NotFound):
    """There is no such merge in this project."""

    code = "merge_not_found"


@dataclass(frozen=True, slots=True)
class StoredMerge:
    """An anonymous record absorbed by a person, and whether that was undone."""

    id: MergeId
    project_id: ProjectId
    survivor_id: VisitorId
    absorbed_id: VisitorId
    merged_at: datetime
    request_id: str
    undone_at: datetime | None


def get_merge(db: Connection, project_id: ProjectId, merge_id: MergeId) -> StoredMerge:
    """The merge.

    Raises:
        MergeNotFound: there is none of that id in the project.
    """
    query = sa.select(merges).where(merges.c.id == merge_id, merges.c.project_id == project_id)
    row = db.execute(query).mappings().one_or_none()
    if row is None:
        raise MergeNotFound
    return StoredMerge(**row)


def undo(db: Connection, merge: StoredMerge, now: datetime) -> None:
    """The absorbed record is read by itself again, with what was written in it."""
    db.execute(merges.update().where(merges.c.id == merge.id).values(undone_at=now))
    db.execute(visitors.update().where(visitors.c.id == merge.absorbed_id).values(merged_into=None))
    for visitor_id in (merge.survivor_id, merge.absorbed_id):
        note_last_message(db, visitor_id)
