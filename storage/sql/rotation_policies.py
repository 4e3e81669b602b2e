"""After how many days a project has a new secret made, and when that is due, in SQL."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from storage.sql.tables import projects


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """A project's policy; `due_at` is when it is looked at next."""

    every_days: int
    due_at: datetime


def find_policy(db: Connection, project_id: ProjectId) -> RotationPolicy | None:
    """The project's policy, if it has one."""
    query = sa.select(projects.c.rotate_every_days, projects.c.policy_due_at).where(
        projects.c.id == project_id, projects.c.rotate_every_days.is_not(None)
    )
    row = db.execute(query).one_or_none()
    return RotationPolicy(row.rotate_every_days, row.policy_due_at) if row else None


def store_policy(db: Connection, project_id: ProjectId, policy: RotationPolicy | None) -> None:
    """The project has this policy, or none."""
    db.execute(
        projects.update()
        .where(projects.c.id == project_id)
        .values(
            rotate_every_days=policy.every_days if policy else None,
            policy_due_at=policy.due_at if policy else None,
        )
    )


def list_due_policies(db: Connection, now: datetime, *, after: str, limit: int) -> list[ProjectId]:
    """Up to `limit` projects whose policy is due, in id order after that id."""
    query = (
        sa.select(projects.c.id)
        .where(projects.c.policy_due_at <= now, projects.c.id > after)
        .order_by(projects.c.id)
        .limit(limit)
    )
    return list(db.scalars(query))
