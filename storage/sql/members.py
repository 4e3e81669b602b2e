"""Members in SQL, of whose passwords only hashes are kept."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.belonging import belongs_to
from storage.sql.tables import members


@dataclass(frozen=True, slots=True)
class Member:
    """A person who may sign in to the dashboard; an owner belongs to no one project."""

    id: str
    project_id: ProjectId | None
    email: str
    role: Role
    password_hash: str
    created_at: datetime


def insert_member(db: Connection, member: Member) -> None:
    """The member is stored."""
    db.execute(members.insert().values({name: getattr(member, name) for name in member.__slots__}))


def find_member(db: Connection, project_id: ProjectId | None, email: str) -> Member | None:
    """The member of that project (or the owner, without one) with that e-mail."""
    query = sa.select(members).where(
        belongs_to(members.c.project_id, project_id), members.c.email == email
    )
    row = db.execute(query).mappings().one_or_none()
    return member_of(row) if row else None


def list_members_with_email(db: Connection, email: str, limit: int) -> list[Member]:
    """Up to `limit` memberships of that address: an owner's first, then the oldest."""
    query = (
        sa.select(members)
        .where(members.c.email == email)
        .order_by(members.c.project_id.is_not(None), members.c.id)
        .limit(limit)
    )
    return [member_of(row) for row in db.execute(query).mappings()]


def lock_unchanged(db: Connection, known: Collection[Member]) -> bool:
    """Whether all of them still have the password they were read with; they keep it until the end.

    Of the transaction, that is: their rows are locked, in the order of their ids.
    """
    query = (
        sa.select(members.c.id, members.c.password_hash)
        .where(members.c.id.in_([member.id for member in known]))
        .order_by(members.c.id)
        .with_for_update(key_share=True)
    )
    found = {row.id: row.password_hash for row in db.execute(query)}
    return found == {member.id: member.password_hash for member in known}


def replace_password_hash(db: Connection, member: Member, password_hash: str) -> None:
    """The hash is this one, unless it is no longer the one that the member was read with."""
    db.execute(
        members.update()
        .where(members.c.id == member.id, members.c.password_hash == member.password_hash)
        .values(password_hash=password_hash)
    )


def member_of(values: Mapping[Any, Any]) -> Member:
    """The member that a row's columns make."""
    return Member(**{**values, "role": Role(values["role"])})
