"""Devices of long ago: found in the order of a time, erased with what they leave."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import DeviceId, ProjectId, VisitorId
from storage.sql.tables import devices, merges, messages, visitors

Place: TypeAlias = tuple[datetime, DeviceId]


@dataclass(frozen=True, slots=True)
class OldDevice:
    """A device that ended long ago, or has been open for as long, and since when."""

    id: DeviceId
    project_id: ProjectId
    visitor_id: VisitorId
    since: datetime
    is_open: bool = False

    @property
    def place(self) -> Place:
        """Where it stands among its like."""
        return self.since, self.id


def list_ended_devices(
    db: Connection, before: datetime, *, after: Place | None, limit: int
) -> list[OldDevice]:
    """Up to `limit` devices of all projects that ended before that time, in order after a place."""
    query = _pages_by(devices.c.ended_at, before, after).limit(limit)
    return [OldDevice(**row) for row in db.execute(query).mappings()]


def list_open_devices(
    db: Connection, before: datetime, *, after: Place | None, limit: int
) -> list[OldDevice]:
    """As `list_ended_devices`, those that have not ended and were made before that time."""
    query = _pages_by(devices.c.created_at, before, after).where(devices.c.ended_at.is_(None))
    rows = db.execute(query.limit(limit)).mappings()
    return [OldDevice(**row, is_open=True) for row in rows]


def _pages_by(
    time: sa.Column[datetime], before: datetime, after: Place | None
) -> sa.Select[tuple[str, str, str, datetime]]:
    columns = devices.c
    query = (
        sa.select(columns.id, columns.project_id, columns.visitor_id, time.label("since"))
        .where(time < before)
        .order_by(time, columns.id)
    )
    if after:
        last = (sa.literal(after[0], time.type), sa.literal(after[1]))
        query = query.where(sa.tuple_(time, columns.id) > sa.tuple_(*last))
    return query


def list_needless(db: Connection, found: Sequence[OldDevice]) -> list[OldDevice]:
    """Those of them that `erase_devices` would erase now."""
    if not found:
        return []
    gone = _find_needless(db, found)
    return [device for device in found if device.id in gone]


def erase_devices(db: Connection, found: Sequence[OldDevice]) -> int:
    """Those with which nobody ever wrote are gone; returns how many were.

    A person's are erased by themselves. An absorbed record's go together with the record and its
    merge, where nothing else is left of it; one that was ever split from a person stays, and with
    it that the two are never merged again. So does a device whose record is nobody's: that it has
    ended keeps others from that record. Of those that are open a person's alone are erased, and
    none that has ended since it was found.

    Args:
        db: holds the projects' locks.
        found: all of them are old.
    """
    gone = _find_needless(db, found)
    if not gone:
        return 0
    bare = [record for record in gone.values() if record]
    db.execute(merges.delete().where(merges.c.absorbed_id.in_(bare)))
    db.execute(devices.delete().where(devices.c.id.in_(list(gone))))
    db.execute(visitors.delete().where(visitors.c.id.in_(bare)))
    return len(gone)


def _find_needless(db: Connection, found: Iterable[OldDevice]) -> dict[DeviceId, VisitorId | None]:
    """The devices that can go, and the absorbed record that each takes with it, if any."""
    found_open = {device.id for device in found if device.is_open}
    silent = {
        id_: owner
        for id_, owner in _list_silent(db, [device.id for device in found]).items()
        if owner.is_open == (id_ in found_open)
    }
    of_persons = [id_ for id_, owner in silent.items() if owner.is_person]
    absorbed = {o.id: id_ for id_, o in silent.items() if o.is_absorbed and not o.is_open}
    bare = _list_bare(db, list(absorbed)) if absorbed else []
    return {**dict.fromkeys(of_persons), **{absorbed[record]: record for record in bare}}


@dataclass(frozen=True, slots=True)
class _Owner:
    id: VisitorId
    is_person: bool
    is_absorbed: bool
    is_open: bool


def _list_silent(db: Connection, ids: Sequence[DeviceId]) -> dict[DeviceId, _Owner]:
    """Those of the devices with which nobody wrote, and whose they were."""
    written = sa.select(messages.c.id).where(messages.c.device_id == devices.c.id)
    columns = (devices.c.id, devices.c.visitor_id, devices.c.ended_at)
    query = (
        sa.select(*columns, visitors.c.custom_id, visitors.c.merged_into)
        .join(visitors, visitors.c.id == devices.c.visitor_id)
        .where(devices.c.id.in_(ids), _is_none(written))
    )
    return {
        row.id: _Owner(
            row.visitor_id,
            is_person=row.custom_id is not None,
            is_absorbed=row.merged_into is not None,
            is_open=row.ended_at is None,
        )
        for row in db.execute(query)
    }


def _list_bare(db: Connection, ids: Sequence[VisitorId]) -> list[VisitorId]:
    """Those of the absorbed records of which nothing is left but one device and its merge."""
    others = visitors.alias("others")
    theirs = sa.select(sa.func.count()).where(devices.c.visitor_id == visitors.c.id)
    query = sa.select(visitors.c.id).where(
        visitors.c.id.in_(ids),
        theirs.correlate(visitors).scalar_subquery() == 1,
        _is_none(sa.select(messages.c.id).where(messages.c.visitor_id == visitors.c.id)),
        _is_none(sa.select(merges.c.id).where(merges.c.survivor_id == visitors.c.id)),
        _is_none(sa.select(others.c.id).where(others.c.merged_into == visitors.c.id)),
        _is_none(
            sa.select(merges.c.id).where(
                merges.c.absorbed_id == visitors.c.id, merges.c.undone_at.is_not(None)
            )
        ),
    )
    return list(db.scalars(query))


def _is_none(rows: sa.Select[tuple[str]]) -> sa.ColumnElement[bool]:
    """Whether there are none: a look into an index for each row, whatever the tables' sizes."""
    return rows.limit(1).scalar_subquery().is_(None)
