"""Rotations and their receipts in SQL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import KeyId, ProjectId, RotationId
from domain.receipts import NodeCounts, SessionCounts
from domain.rotation_plans import PENDING
from domain.rotations import Moved, Rotation, RotationState
from storage.sql.tables import rotations, signing_secrets
from storage.sql.types import UtcTime

_IS_PENDING = rotations.c.state.in_(sorted(PENDING))

_PUT_OFF = (Moved.WINDOW_MISSED, Moved.NEVER_OFFLINE)

_GIVEN = (
    "id",
    "project_id",
    "old_key_id",
    "new_key_id",
    "requested_at",
    "requested_by",
    "reason",
)
_CHANGING = (
    "how",
    "state",
    "pinned",
    "forced",
    "due_at",
    "effective_at",
    "window_ends_at",
    "stretch_minutes",
    "not_before",
    "moved_because",
    "moved_at",
)


class RotationNotFound(NotFound):
    """There is no such rotation in this project."""

    code = "rotation_not_found"


def insert_rotation(db: Connection, rotation: Rotation) -> None:
    """The rotation is stored."""
    given = {name: getattr(rotation, name) for name in _GIVEN}
    db.execute(rotations.insert().values({**given, **_changing(rotation)}))


def update_rotation(db: Connection, rotation: Rotation) -> None:
    """The rotation has this state and these dates; its figures are not touched."""
    db.execute(rotations.update().where(rotations.c.id == rotation.id).values(_changing(rotation)))


def store_figures(db: Connection, rotation: Rotation) -> None:
    """The receipt has the rotation's figures."""
    sessions, nodes = rotation.sessions, rotation.nodes
    db.execute(
        rotations.update()
        .where(rotations.c.id == rotation.id)
        .values(
            sessions_targeted=sessions.targeted,
            sessions_closed=sessions.closed,
            sessions_gone=sessions.gone,
            nodes_asked=nodes.asked,
            nodes_answered=nodes.answered,
            nodes_expired=list(nodes.expired),
            answers=dict(rotation.answers),
        )
    )


def complete(db: Connection, rotation_id: RotationId, now: datetime) -> None:
    """The rotation, which was cutting, is completed."""
    db.execute(
        rotations.update()
        .where(rotations.c.id == rotation_id, rotations.c.state == RotationState.CUTTING)
        .values(state=RotationState.COMPLETED, completed_at=now)
    )


def get_rotation(db: Connection, project_id: ProjectId, rotation_id: RotationId) -> Rotation:
    """The rotation of that project.

    Raises:
        RotationNotFound: there is none.
    """
    row = (
        db.execute(
            sa.select(rotations).where(
                rotations.c.id == rotation_id, rotations.c.project_id == project_id
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise RotationNotFound
    return _rotation(row)


def list_rotations(
    db: Connection, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[Rotation]:
    """Up to `limit` rotations of the project, newest first, older than the given id."""
    query = (
        sa.select(rotations)
        .where(rotations.c.project_id == project_id)
        .order_by(rotations.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(rotations.c.id < before)
    return [_rotation(row) for row in db.execute(query).mappings()]


def list_pending(db: Connection, project_id: ProjectId) -> list[Rotation]:
    """The project's rotations that wait for their cut: at most one."""
    query = sa.select(rotations).where(rotations.c.project_id == project_id, _IS_PENDING)
    return [_rotation(row) for row in db.execute(query).mappings()]


def list_due(
    db: Connection, now: datetime, *, after: str, limit: int
) -> list[tuple[ProjectId, RotationId]]:
    """Up to `limit` rotations whose cut is due, with their projects, in id order after that id."""
    query = (
        sa.select(rotations.c.project_id, rotations.c.id)
        .where(_IS_PENDING, rotations.c.due_at <= now, rotations.c.id > after)
        .order_by(rotations.c.id)
        .limit(limit)
    )
    return [(row.project_id, row.id) for row in db.execute(query)]


def take_due(db: Connection, rotation_id: RotationId, now: datetime) -> bool:
    """Whether the rotation is due still; then nobody else can take it in this transaction."""
    query = (
        sa.select(rotations.c.id)
        .where(rotations.c.id == rotation_id, _IS_PENDING, rotations.c.due_at <= now)
        .with_for_update(skip_locked=True)
    )
    return db.scalar(query) is not None


def list_unannounced(
    db: Connection, now: datetime, remind_until: datetime, *, limit: int
) -> list[tuple[Rotation, int]]:
    """Overlaps whose sessions have yet to be told, each with its old secret's generation.

    Of the overlap itself, or again of a cut that comes before `remind_until`, once for each date.
    """
    is_reminder = sa.and_(
        rotations.c.due_at <= remind_until,
        rotations.c.reminded_of.is_distinct_from(rotations.c.due_at),
    )
    query = (
        sa.select(rotations, signing_secrets.c.generation)
        .join(signing_secrets, signing_secrets.c.key_id == rotations.c.old_key_id)
        .where(
            rotations.c.state == RotationState.OVERLAPPING,
            rotations.c.due_at > now,
            sa.or_(rotations.c.announced_at.is_(None), is_reminder),
        )
        .order_by(rotations.c.due_at)
        .limit(limit)
    )
    found = [dict(row) for row in db.execute(query).mappings()]
    return [(_rotation(row), generation) for row in found if (generation := row.pop("generation"))]


def note_announced(
    db: Connection, rotation_id: RotationId, now: datetime, reminded_of: datetime | None
) -> None:
    """The rotation's sessions have been told; of this date also for the last time."""
    noted = {"reminded_of": reminded_of} if reminded_of else {}
    announced_at = sa.func.coalesce(rotations.c.announced_at, now, type_=UtcTime())
    db.execute(
        rotations.update()
        .where(rotations.c.id == rotation_id)
        .values(announced_at=announced_at, **noted)
    )


def list_troubled(
    db: Connection, overdue_since: datetime, *, limit: int, only: ProjectId | None = None
) -> list[Rotation]:
    """Pending rotations whose cut was put off or is overdue since that time, oldest first.

    One that was put off because its new secret was not revealed, or not used, is none once that is.
    """
    because = rotations.c.moved_because
    is_hidden = rotations.c.state == RotationState.SCHEDULED
    is_idle = signing_secrets.c.last_verified_at.is_(None)
    is_moved = sa.or_(
        because.in_(sorted(_PUT_OFF)),
        sa.and_(because == Moved.SECRET_WAITING, is_hidden),
        sa.and_(because == Moved.NEW_SECRET_UNUSED, is_idle),
    )
    query = (
        sa.select(rotations)
        .join(signing_secrets, signing_secrets.c.key_id == rotations.c.new_key_id)
        .where(_IS_PENDING, sa.or_(is_moved, rotations.c.due_at <= overdue_since))
        .order_by(rotations.c.id)
        .limit(limit)
    )
    if only is not None:
        query = query.where(rotations.c.project_id == only)
    return [_rotation(row) for row in db.execute(query).mappings()]


def list_standing(db: Connection, project_id: ProjectId, retiring: KeyId | None) -> list[Rotation]:
    """The project's rotations that are pending, and those whose old key is this retiring one."""
    query = sa.select(rotations).where(
        rotations.c.project_id == project_id,
        sa.or_(_IS_PENDING, rotations.c.old_key_id == retiring),
    )
    return [_rotation(row) for row in db.execute(query).mappings()]


def list_unsettled(
    db: Connection, since: datetime, *, limit: int, project_id: ProjectId | None = None
) -> list[Rotation]:
    """Up to `limit` rotations that are cutting or were completed since then, oldest first."""
    # Each of the two by its own index: as one condition, all that was ever completed is read.
    cutting = sa.select(rotations.c.id).where(rotations.c.state == RotationState.CUTTING)
    recent = sa.select(rotations.c.id).where(rotations.c.completed_at >= since)
    query = (
        sa.select(rotations)
        .where(rotations.c.id.in_(cutting.union_all(recent)))
        .order_by(rotations.c.id)
        .limit(limit)
    )
    if project_id:
        query = query.where(rotations.c.project_id == project_id)
    return [_rotation(row) for row in db.execute(query).mappings()]


def _changing(rotation: Rotation) -> dict[str, object]:
    return {name: getattr(rotation, name) for name in _CHANGING}


def _rotation(row: Mapping[Any, Any]) -> Rotation:
    values = dict(row)
    del values["announced_at"], values["reminded_of"]
    values["state"] = RotationState(values["state"])
    if values["moved_because"]:
        values["moved_because"] = Moved(values["moved_because"])
    values["sessions"] = SessionCounts(
        values.pop("sessions_targeted"), values.pop("sessions_closed"), values.pop("sessions_gone")
    )
    values["nodes"] = NodeCounts(
        values.pop("nodes_asked"),
        values.pop("nodes_answered"),
        tuple(values.pop("nodes_expired") or ()),
    )
    values["answers"] = values["answers"] or {}
    return Rotation(**values)
