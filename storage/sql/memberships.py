"""The members of a project, or the owners of all: listed, looked up, removed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import ProjectId
from storage.sql.belonging import belongs_to
from storage.sql.members import Member, member_of
from storage.sql.tables import members, sign_ins


class MemberNotFound(NotFound):
    """There is no such member of this project."""

    code = "member_not_found"


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A member, and when a browser in which they are signed in was last in use."""

    member: Member
    seen_at: datetime | None


def list_members(
    db: Connection, project_id: ProjectId | None, *, limit: int, after: str = ""
) -> list[MemberSeen]:
    """Up to `limit` members with ids behind the given one, oldest first; without a project owners.

    Of one time to the next, a browser that is in use is noted every few minutes.
    """
    seen = (
        sa.select(sa.func.max(sign_ins.c.seen_at))
        .where(sign_ins.c.member_id == members.c.id)
        .scalar_subquery()
    )
    query = (
        sa.select(members, seen.label("seen_at"))
        .where(belongs_to(members.c.project_id, project_id), members.c.id > after)
        .order_by(members.c.id)
        .limit(limit)
    )
    found = db.execute(query).mappings()
    return [
        MemberSeen(member_of({name: row[name] for name in Member.__slots__}), row["seen_at"])
        for row in found
    ]


def lock_member(db: Connection, project_id: ProjectId | None, member_id: str) -> Member:
    """The member, whom nobody else changes or signs in until the end of the transaction.

    Raises:
        MemberNotFound: the project has none of this id.
    """
    query = (
        sa.select(members)
        .where(belongs_to(members.c.project_id, project_id), members.c.id == member_id)
        .with_for_update()
    )
    row = db.execute(query).mappings().one_or_none()
    if row is None:
        raise MemberNotFound
    return member_of(row)


def lock_owners(db: Connection) -> list[str]:
    """The ids of all owners, none of whom changes until the end of the transaction."""
    query = (
        sa.select(members.c.id)
        .where(members.c.project_id.is_(None))
        .order_by(members.c.id)
        .with_for_update()
    )
    return list(db.execute(query).scalars())


def delete_member(db: Connection, member_id: str) -> None:
    """The member is gone, and with them every sign-in as this member."""
    db.execute(members.delete().where(members.c.id == member_id))
