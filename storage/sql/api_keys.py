"""API keys in SQL, as digests. A revoked one stays, so that the audit log can name it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.belonging import belongs_to
from storage.sql.tables import api_keys


class ApiKeyNotFound(NotFound):
    """There is no such API key in this project."""

    code = "api_key_not_found"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key, known by the SHA-256 of its random text."""

    id: str
    project_id: ProjectId | None
    name: str
    role: Role
    digest: str
    last_four: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None


def insert_api_key(db: Connection, key: ApiKey) -> None:
    """The key's digest is stored."""
    db.execute(api_keys.insert().values({name: getattr(key, name) for name in key.__slots__}))


def find_api_key(db: Connection, digest: str) -> ApiKey | None:
    """The living key with that digest."""
    row = (
        db.execute(
            sa.select(api_keys).where(api_keys.c.digest == digest, api_keys.c.revoked_at.is_(None))
        )
        .mappings()
        .one_or_none()
    )
    return api_key_of(row) if row else None


def list_api_keys(
    db: Connection, project_id: ProjectId | None, *, limit: int, before: str | None = None
) -> list[ApiKey]:
    """Up to `limit` keys older than the given id, newest first; without a project owners'."""
    query = (
        sa.select(api_keys)
        .where(belongs_to(api_keys.c.project_id, project_id))
        .order_by(api_keys.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(api_keys.c.id < before)
    return [api_key_of(row) for row in db.execute(query).mappings()]


def count_living_keys(db: Connection, project_id: ProjectId) -> dict[str, int]:
    """How many keys of the project each actor has made that are not revoked."""
    query = (
        sa.select(api_keys.c.created_by, sa.func.count())
        .where(api_keys.c.project_id == project_id, api_keys.c.revoked_at.is_(None))
        .group_by(api_keys.c.created_by)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def list_living_ids_by(db: Connection, project_id: ProjectId | None, created_by: str) -> list[str]:
    """The ids of the keys that this actor made and nobody has revoked, oldest first."""
    query = (
        sa.select(api_keys.c.id)
        .where(
            belongs_to(api_keys.c.project_id, project_id),
            api_keys.c.created_by == created_by,
            api_keys.c.revoked_at.is_(None),
        )
        .order_by(api_keys.c.id)
    )
    return list(db.execute(query).scalars())


def revoke_api_key(
    db: Connection, project_id: ProjectId | None, key_id: str, now: datetime
) -> bool:
    """Nobody may ask with this key from now on; whether it was good until now.

    Raises:
        ApiKeyNotFound: the project has none of this id.
    """
    this = (belongs_to(api_keys.c.project_id, project_id), api_keys.c.id == key_id)
    done = db.execute(
        api_keys.update().where(*this, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not done.rowcount and db.execute(sa.select(api_keys.c.id).where(*this)).first() is None:
        raise ApiKeyNotFound
    return bool(done.rowcount)


def api_key_of(values: Mapping[Any, Any]) -> ApiKey:
    """The key that a row's columns make."""
    return ApiKey(**{**values, "role": Role(values["role"])})
