"""Rotations and their receipts in SQL."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import ProjectId, RotationId
from domain.rotations import NodeCounts, Rotation, RotationState, SessionCounts
from storage.sql.tables import rotations


class RotationNotFound(NotFound):
    """There is no such rotation in this project."""

    code = "rotation_not_found"


def insert_rotation(db: Connection, rotation: Rotation) -> None:
    """The rotation is stored."""
    db.execute(
        rotations.insert().values(
            id=rotation.id,
            project_id=rotation.project_id,
            old_key_id=rotation.old_key_id,
            new_key_id=rotation.new_key_id,
            how=rotation.how,
            state=rotation.state,
            requested_at=rotation.requested_at,
            requested_by=rotation.requested_by,
            reason=rotation.reason,
            pinned=rotation.pinned,
            forced=rotation.forced,
            due_at=rotation.due_at,
            effective_at=rotation.effective_at,
        )
    )


def supersede_pending(db: Connection, project_id: ProjectId) -> None:
    """No earlier rotation of the project is still to come."""
    db.execute(
        rotations.update()
        .where(
            rotations.c.project_id == project_id,
            rotations.c.state.in_([RotationState.SCHEDULED, RotationState.OVERLAPPING]),
        )
        .values(state=RotationState.SUPERSEDED)
    )


def store_figures(
    db: Connection, rotation_id: RotationId, sessions: SessionCounts, nodes: NodeCounts
) -> None:
    """The receipt has these figures."""
    db.execute(
        rotations.update()
        .where(rotations.c.id == rotation_id)
        .values(
            sessions_targeted=sessions.targeted,
            sessions_closed=sessions.closed,
            sessions_gone=sessions.gone,
            nodes_asked=nodes.asked,
            nodes_answered=nodes.answered,
            nodes_expired=list(nodes.expired),
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


def list_unsettled(
    db: Connection, since: datetime, *, limit: int, project_id: ProjectId | None = None
) -> list[Rotation]:
    """Up to `limit` rotations that are cutting or were completed since then, oldest first."""
    recent = sa.and_(
        rotations.c.state == RotationState.COMPLETED, rotations.c.completed_at >= since
    )
    query = (
        sa.select(rotations)
        .where(sa.or_(rotations.c.state == RotationState.CUTTING, recent))
        .order_by(rotations.c.id)
        .limit(limit)
    )
    if project_id:
        query = query.where(rotations.c.project_id == project_id)
    return [_rotation(row) for row in db.execute(query).mappings()]


def _rotation(row: sa.RowMapping) -> Rotation:
    values = dict(row)
    values["state"] = RotationState(values["state"])
    values["sessions"] = SessionCounts(
        values.pop("sessions_targeted"), values.pop("sessions_closed"), values.pop("sessions_gone")
    )
    values["nodes"] = NodeCounts(
        values.pop("nodes_asked"),
        values.pop("nodes_answered"),
        tuple(values.pop("nodes_expired") or ()),
    )
    return Rotation(**values)
