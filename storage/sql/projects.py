"""Projects in SQL, and the lock that every writing use case takes first."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.cards import Limits
from domain.errors import NotFound
from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.projects import Project
from domain.tokens.policy import TokenPolicy
from storage.sql.tables import projects
from storage.sql.types import UtcTime

LOCK_AT_ONCE = 16

_LOCK = (
    sa.select(projects)
    .where(projects.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(projects.c.id)
    .with_for_update(key_share=True)  # FOR NO KEY UPDATE: foreign-key inserts go on
)
_LOCK_FREE = _LOCK.with_for_update(key_share=True, skip_locked=True)
_EXISTING = sa.select(projects.c.id).where(projects.c.id.in_(sa.bindparam("ids", expanding=True)))


def lock_projects(db: Connection, ids: Collection[ProjectId]) -> dict[ProjectId, Project]:
    """The projects, locked in id order until the transaction ends. Unknown ids are left out.

    The first statement of every writing use case: one lock order, so no deadlock. SQLite's one
    writer is the lock there.

    Args:
        db: waits for whoever holds one, with those before it in hand.
        ids: at most 16.
    """
    return _lock(db, _LOCK, ids)


def lock_free_projects(
    db: Connection, ids: Collection[ProjectId]
) -> tuple[dict[ProjectId, Project], frozenset[ProjectId]]:
    """As `lock_projects`, of those that nobody holds now; and which ones somebody does.

    Nobody is waited for. What is in neither does not exist. SQLite's one writer holds them all.

    Args:
        db: the transaction that holds them.
        ids: at most 16.
    """
    locked = _lock(db, _LOCK_FREE, ids)
    missing = sorted(set(ids) - locked.keys())
    held = db.scalars(_EXISTING, {"ids": missing}) if missing else ()
    return locked, frozenset(held)


def _lock(
    db: Connection, query: sa.Select[Any], ids: Collection[ProjectId]
) -> dict[ProjectId, Project]:
    if len(ids) > LOCK_AT_ONCE:
        message = f"at most {LOCK_AT_ONCE} projects are locked at once"
        raise ValueError(message)
    rows = db.execute(query, {"ids": sorted(ids)})
    return {project.id: project for project in map(_project, rows.mappings())}


def lock_project(db: Connection, project_id: ProjectId) -> Project:
    """The project, locked until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    found = lock_projects(db, [project_id])
    if project_id not in found:
        raise ProjectNotFound
    return found[project_id]


class ProjectNotFound(NotFound):
    """There is no such project."""

    code = "project_not_found"


def insert_project(db: Connection, project: Project) -> None:
    """The project is stored."""
    db.execute(
        projects.insert().values(
            id=project.id,
            name=project.name,
            time_zone=project.time_zone,
            operating_hours=project.operating_hours,
            token_policy=project.token_policy.to_json(),
            allowed_origins=list(project.allowed_origins),
            limits=_limits_json(project.limits),
            epoch=project.epoch,
            revision=project.revision,
            created_at=project.created_at,
            updated_at=project.created_at,
        )
    )


def update_project(db: Connection, project: Project, now: datetime) -> None:
    """The settings are stored under a higher revision; the epoch is not touched."""
    db.execute(
        projects.update()
        .where(projects.c.id == project.id)
        .values(
            name=project.name,
            time_zone=project.time_zone,
            operating_hours=project.operating_hours,
            token_policy=project.token_policy.to_json(),
            allowed_origins=list(project.allowed_origins),
            limits=_limits_json(project.limits),
            revision=projects.c.revision + 1,
            updated_at=now,
        )
    )


def raise_epoch(db: Connection, project_id: ProjectId, epoch: int, now: datetime) -> None:
    """The project's epoch is at least this; it never falls."""
    db.execute(
        projects.update()
        .where(projects.c.id == project_id, projects.c.epoch < epoch)
        .values(epoch=epoch, updated_at=now)
    )


def raise_revision(db: Connection, project_id: ProjectId, above: int, now: datetime) -> None:
    """The project's revision is above this one, and the sweep asserts its card again."""
    db.execute(
        projects.update()
        .where(projects.c.id == project_id, projects.c.revision <= above)
        .values(revision=above + 1, updated_at=now)
    )


def note_change(db: Connection, project_id: ProjectId, now: datetime) -> None:
    """The sweep asserts the project's card again, and who of it was signed out lately."""
    db.execute(projects.update().where(projects.c.id == project_id).values(updated_at=now))


def find_project(db: Connection, project_id: ProjectId) -> Project | None:
    """The project as last committed."""
    row = (
        db.execute(sa.select(projects).where(projects.c.id == project_id)).mappings().one_or_none()
    )
    return _project(row) if row else None


def get_project(db: Connection, project_id: ProjectId) -> Project:
    """The project as last committed.

    Raises:
        NotFound: there is none.
    """
    project = find_project(db, project_id)
    if project is None:
        raise ProjectNotFound
    return project


def find_projects_named(db: Connection, name: str) -> list[Project]:
    """Every project of that name."""
    return [
        _project(row)
        for row in db.execute(sa.select(projects).where(projects.c.name == name)).mappings()
    ]


def list_projects(
    db: Connection, *, limit: int, after: str = "", only: Collection[ProjectId] | None = None
) -> list[Project]:
    """Up to `limit` projects in id order after the given id; of these ids only, where asked."""
    query = sa.select(projects).where(projects.c.id > after).order_by(projects.c.id).limit(limit)
    if only is not None:
        query = query.where(projects.c.id.in_(only))
    return [_project(row) for row in db.execute(query).mappings()]


def list_projects_changed_since(db: Connection, moment: datetime, limit: int) -> list[Project]:
    """The projects whose epoch or settings changed lately, latest first."""
    query = (
        sa.select(projects)
        .where(projects.c.updated_at >= moment)
        .order_by(projects.c.updated_at.desc())
        .limit(limit)
    )
    return [_project(row) for row in db.execute(query).mappings()]


class Version(NamedTuple):
    """How far a project has come; neither number ever falls, unless SQL loses commits."""

    epoch: int
    revision: int
    is_halted: bool


def list_versions(db: Connection, *, after: ProjectId, limit: int) -> dict[ProjectId, Version]:
    """Those of up to `limit` projects, in id order after the given id."""
    columns = (projects.c.id, projects.c.epoch, projects.c.revision, projects.c.halted_at)
    query = sa.select(*columns).where(projects.c.id > after).order_by(projects.c.id).limit(limit)
    return {
        row.id: Version(row.epoch, row.revision, row.halted_at is not None)
        for row in db.execute(query)
    }


def list_halted_projects(
    db: Connection, *, limit: int, only: ProjectId | None = None
) -> list[Project]:
    """Up to `limit` projects that nobody can sign in to, in id order; of one id only, if asked."""
    query = sa.select(projects).where(projects.c.halted_at.is_not(None))
    if only is not None:
        query = query.where(projects.c.id == only)
    return [
        _project(row) for row in db.execute(query.order_by(projects.c.id).limit(limit)).mappings()
    ]


def halt_project(db: Connection, project_id: ProjectId, generation: int, now: datetime) -> None:
    """Nobody can sign in; Redis knows of generations up to this one. By maximum, so repeatable."""
    known = sa.func.coalesce(projects.c.halted_epoch, 0)
    db.execute(
        projects.update()
        .where(projects.c.id == project_id)
        .values(
            halted_at=sa.func.coalesce(projects.c.halted_at, sa.literal(now, UtcTime())),
            halted_epoch=sa.case((known < generation, generation), else_=known),
        )
    )


def end_halt(db: Connection, project_id: ProjectId) -> None:
    """Signing in works again, as the project's secrets and epoch say."""
    db.execute(
        projects.update()
        .where(projects.c.id == project_id)
        .values(halted_at=None, halted_epoch=None)
    )


def _project(values: sa.RowMapping) -> Project:
    return Project(
        id=values["id"],
        name=values["name"],
        time_zone=values["time_zone"],
        operating_hours=values["operating_hours"],
        token_policy=TokenPolicy.from_json(values["token_policy"]),
        allowed_origins=tuple(values["allowed_origins"]),
        limits=Limits(**values["limits"]),
        epoch=values["epoch"],
        revision=values["revision"],
        created_at=values["created_at"],
        halted_at=values["halted_at"],
        halted_epoch=values["halted_epoch"],
    )


def _limits_json(limits: Limits) -> JsonObject:
    return {name: getattr(limits, name) for name in limits.__slots__}
