"""What ends a person's sessions and devices, and who was ended lately."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import DeviceId, ProjectId, VisitorId
from storage.sql import people
from storage.sql.sets import SetLookup
from storage.sql.tables import devices, visitors
from storage.sql.types import UtcTime

_END_AT_ONCE = 1_000
_open_devices = SetLookup(devices, ["visitor_id"], where="devices.ended_at IS NULL")


@dataclass(frozen=True, slots=True)
class RaisedPerson:
    """A person whose epoch was raised; by a sign-out everywhere, or by undoing a merge."""

    visitor_id: VisitorId
    person_epoch: int
    by_operator: bool


def raise_person_epoch(
    db: Connection, visitor_id: VisitorId, now: datetime, *, supersede_tokens: bool
) -> int:
    """No session that the person has until now is valid; returns the new epoch.

    Args:
        supersede_tokens: no token that was issued until now is accepted either.
    """
    values = {"person_epoch": visitors.c.person_epoch + 1, "epoch_raised_at": now}
    if supersede_tokens:
        values["not_before"] = now
    statement = visitors.update().where(visitors.c.id == visitor_id).values(**values)
    epoch: int = db.execute(statement.returning(visitors.c.person_epoch)).scalar_one()
    return epoch


def end_devices_of(
    db: Connection, visitor_ids: Collection[VisitorId], now: datetime
) -> list[DeviceId]:
    """No device of these records or of what they absorbed is open; returns those that were."""
    theirs = sa.select(visitors.c.id).where(
        sa.or_(visitors.c.id.in_(visitor_ids), visitors.c.merged_into.in_(visitor_ids))
    )
    found = _open_devices.find(db, ((id_,) for id_ in db.scalars(theirs)))
    ending = sorted(DeviceId(row["id"]) for row in found)
    for start in range(0, len(ending), _END_AT_ONCE):
        people.end_devices(db, ending[start : start + _END_AT_ONCE], now)
    return ending


def note_left(
    db: Connection, visitor_ids: Collection[VisitorId], now: datetime, *, proofs_since: datetime
) -> int:
    """Those of the persons who have a proof in no browser any more have left; how many these are.

    Args:
        db: holds the projects' locks.
        visitor_ids: each has signed out somewhere; whoever is no person has nothing to lose.
        now: the present.
        proofs_since: a proof that is older is over, also where nobody has signed out.
    """
    # Looked up person by person, the latest first, and no other is read: as a join it could be
    # planned while few devices are open, and go on with everybody's as they become many.
    latest = (
        sa.select(devices.c.created_at)
        .where(devices.c.visitor_id == visitors.c.id, devices.c.ended_at.is_(None))
        .order_by(devices.c.created_at.desc())
        .limit(1)
    )
    since = sa.literal(proofs_since, UtcTime())
    result = db.execute(
        visitors.update()
        .where(
            visitors.c.id.in_(visitor_ids),
            visitors.c.authenticated_by.is_not(None),
            sa.func.coalesce(latest.scalar_subquery(), since) <= since,
        )
        .values(left_at=now)
    )
    return result.rowcount


def list_ended_devices(
    db: Connection, visitor_ids: Collection[VisitorId], since: datetime, limit: int
) -> list[DeviceId]:
    """Up to `limit` devices of these records that ended at that time or later, latest first."""
    theirs = sa.select(visitors.c.id).where(
        sa.or_(visitors.c.id.in_(visitor_ids), visitors.c.merged_into.in_(visitor_ids))
    )
    query = (
        sa.select(devices.c.id)
        .where(devices.c.visitor_id.in_(theirs), devices.c.ended_at >= since)
        .order_by(devices.c.ended_at.desc())
        .limit(limit)
    )
    return [DeviceId(id_) for id_ in db.scalars(query)]


def list_raised_persons(
    db: Connection, project_id: ProjectId, since: datetime
) -> list[RaisedPerson]:
    """Everybody of the project whose epoch was raised at that time or later."""
    query = sa.select(
        visitors.c.id, visitors.c.person_epoch, visitors.c.not_before, visitors.c.epoch_raised_at
    ).where(visitors.c.project_id == project_id, visitors.c.epoch_raised_at >= since)
    return [
        RaisedPerson(row.id, row.person_epoch, row.not_before == row.epoch_raised_at)
        for row in db.execute(query)
    ]


def list_projects_of_raised(
    db: Connection, project_ids: Collection[ProjectId], since: datetime
) -> set[ProjectId]:
    """Those of the projects in which anybody's epoch was raised at that time or later."""
    query = (
        sa.select(visitors.c.project_id)
        .where(visitors.c.project_id.in_(project_ids), visitors.c.epoch_raised_at >= since)
        .distinct()
    )
    return {ProjectId(id_) for id_ in db.scalars(query)}
