"""Who is signed in to the dashboard, in SQL: digests of what cookies hold, never the text."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.roles import Role
from storage.sql.members import Member
from storage.sql.tables import members, sign_ins


@dataclass(frozen=True, slots=True)
class MemberSignIn:
    """One browser in which somebody is signed in, for one of their memberships."""

    digest: str
    member_id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    source: str | None
    agent: str | None


def insert_sign_ins(db: Connection, rows: Collection[MemberSignIn]) -> None:
    """They are stored."""
    db.execute(
        sign_ins.insert(), [{name: getattr(row, name) for name in row.__slots__} for row in rows]
    )


def find_signed_in(db: Connection, digest: str) -> tuple[MemberSignIn, list[Member]] | None:
    """The sign-in of this digest, however old, and its memberships: an owner's first."""
    query = (
        sa.select(sign_ins, *(column.label(f"of_{column.name}") for column in members.c))
        .join(members, members.c.id == sign_ins.c.member_id)
        .where(sign_ins.c.digest == digest)
        .order_by(members.c.project_id.is_not(None), members.c.id)
    )
    rows = db.execute(query).mappings().all()
    return (_sign_in(rows[0]), [_member(row) for row in rows]) if rows else None


def list_sign_ins(db: Connection, member_ids: Collection[str]) -> list[MemberSignIn]:
    """Every browser that is signed in as any of the members, one row each, last seen first."""
    query = (
        sa.select(sign_ins)
        .where(sign_ins.c.member_id.in_(list(member_ids)))
        .order_by(sign_ins.c.seen_at.desc(), sign_ins.c.digest)
    )
    found = {row["digest"]: _sign_in(row) for row in db.execute(query).mappings()}
    return list(found.values())


def note_seen(db: Connection, digest: str, now: datetime) -> None:
    """The sign-in is in use at this time."""
    db.execute(sign_ins.update().where(sign_ins.c.digest == digest).values(seen_at=now))


def delete_sign_in(db: Connection, digest: str) -> None:
    """Nobody is signed in by this digest."""
    db.execute(sign_ins.delete().where(sign_ins.c.digest == digest))


def delete_sign_in_of(db: Connection, digest: str, member_ids: Collection[str]) -> bool:
    """The browser of this digest is signed in as none of the members; whether it was as one."""
    theirs = (sign_ins.c.digest == digest, sign_ins.c.member_id.in_(list(member_ids)))
    return bool(db.execute(sign_ins.delete().where(*theirs)).rowcount)


def delete_sign_ins_of(db: Connection, member_ids: Collection[str]) -> None:
    """Every browser that is signed in as one of the members is not, as none of its memberships."""
    theirs = sa.select(sign_ins.c.digest).where(sign_ins.c.member_id.in_(list(member_ids)))
    db.execute(sign_ins.delete().where(sign_ins.c.digest.in_(theirs)))


def delete_expired(db: Connection, now: datetime) -> None:
    """What can never be used again is gone."""
    db.execute(sign_ins.delete().where(sign_ins.c.expires_at <= now))


def _sign_in(values: sa.RowMapping) -> MemberSignIn:
    return MemberSignIn(**{name: values[name] for name in MemberSignIn.__slots__})


def _member(values: sa.RowMapping) -> Member:
    given = {name: values[f"of_{name}"] for name in Member.__slots__}
    return Member(**{**given, "role": Role(given["role"])})
