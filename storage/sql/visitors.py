"""Reading visitors: living records, their devices and what they absorbed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import DeviceId, KeyId, MessageId, ProjectId, VisitorId
from domain.json_values import JsonObject
from storage.sql.tables import devices, merges, visitors


class VisitorNotFound(NotFound):
    """There is no such visitor in this project."""

    code = "visitor_not_found"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor's row. What a token signed stands apart from what was self-declared."""

    id: VisitorId
    project_id: ProjectId
    custom_id: str | None
    name: str | None
    email: str | None
    attributes: JsonObject | None
    declared: JsonObject | None
    authenticated_at: datetime | None
    authenticated_by: KeyId | None
    person_epoch: int
    not_before: datetime | None
    merged_into: VisitorId | None
    created_at: datetime
    epoch_raised_at: datetime | None = None
    last_message_id: MessageId | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device id that reads through this visitor, and until when it did."""

    id: DeviceId
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Merge:
    """One absorbed record, and whether that was undone."""

    id: str
    absorbed_id: VisitorId
    merged_at: datetime
    undone_at: datetime | None


def list_visitors(
    db: Connection,
    project_id: ProjectId,
    *,
    limit: int,
    before: str | None = None,
    custom_id: str | None = None,
    authenticated: bool | None = None,
) -> list[Visitor]:
    """Up to `limit` living visitors, newest first, older than the given id."""
    query = (
        sa.select(visitors)
        .where(visitors.c.project_id == project_id, visitors.c.merged_into.is_(None))
        .order_by(visitors.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(visitors.c.id < before)
    if custom_id is not None:
        query = query.where(visitors.c.custom_id == custom_id)
    if authenticated is not None:
        known = visitors.c.authenticated_at.is_not(None)
        query = query.where(known if authenticated else sa.not_(known))
    return [Visitor(**row) for row in db.execute(query).mappings()]


def get_visitor(db: Connection, project_id: ProjectId, visitor_id: VisitorId) -> Visitor:
    """The living record that this id is read through: itself, or what absorbed it.

    Raises:
        VisitorNotFound: there is none.
    """
    found = _find(db, project_id, visitor_id)
    if found and found.merged_into:
        found = _find(db, project_id, found.merged_into)
    if found is None:
        raise VisitorNotFound
    return found


def get_person(db: Connection, project_id: ProjectId, custom_id: str) -> Visitor:
    """The person of that custom ID.

    Raises:
        VisitorNotFound: there is none.
    """
    found = list_visitors(db, project_id, limit=1, custom_id=custom_id)
    if not found:
        raise VisitorNotFound
    return found[0]


def list_devices(db: Connection, visitor_id: VisitorId, *, limit: int) -> list[Device]:
    """Up to `limit` devices of this visitor and of all that it absorbed.

    Those that live come first, then the latest.
    """
    query = (
        sa.select(devices.c.id, devices.c.created_at, devices.c.ended_at)
        .join(visitors, visitors.c.id == devices.c.visitor_id)
        .where(sa.or_(visitors.c.id == visitor_id, visitors.c.merged_into == visitor_id))
        .order_by(devices.c.ended_at.is_not(None), devices.c.created_at.desc(), devices.c.id.desc())
        .limit(limit)
    )
    return [Device(**row) for row in db.execute(query).mappings()]


def list_merges(db: Connection, visitor_id: VisitorId, *, limit: int) -> list[Merge]:
    """Up to `limit` of what this visitor absorbed, the latest first, undone merges included."""
    query = (
        sa.select(merges.c.id, merges.c.absorbed_id, merges.c.merged_at, merges.c.undone_at)
        .where(merges.c.survivor_id == visitor_id)
        .order_by(merges.c.id.desc())
        .limit(limit)
    )
    return [Merge(**row) for row in db.execute(query).mappings()]


def _find(db: Connection, project_id: ProjectId, visitor_id: VisitorId) -> Visitor | None:
    row = (
        db.execute(
            sa.select(visitors).where(
                visitors.c.id == visitor_id, visitors.c.project_id == project_id
            )
        )
        .mappings()
        .one_or_none()
    )
    return Visitor(**row) if row else None
