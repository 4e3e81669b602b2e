"""Who has been asked to become a member, in SQL: digests of what links hold, never the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import NotFound
from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.tables import invitations


class InvitationNotFound(NotFound):
    """There is no such invitation in this project."""

    code = "invitation_not_found"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whoever holds the link with this digest becomes that member, until it expires."""

    id: str
    project_id: ProjectId
    email: str
    role: Role
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime


def insert_invitation(db: Connection, invitation: Invitation) -> None:
    """It is stored."""
    values = {name: getattr(invitation, name) for name in Invitation.__slots__}
    db.execute(invitations.insert().values(values))


def find_invitation(db: Connection, digest: str) -> Invitation | None:
    """The invitation of this link, however old."""
    query = sa.select(invitations).where(
        invitations.c.digest == digest, invitations.c.project_id.is_not(None)
    )
    row = db.execute(query).mappings().one_or_none()
    return _invitation(row) if row else None


def list_invitations(
    db: Connection,
    project_id: ProjectId,
    now: datetime,
    *,
    limit: int,
    before: str | None = None,
) -> list[Invitation]:
    """Up to `limit` invitations that can still be accepted, newest first."""
    query = (
        sa.select(invitations)
        .where(invitations.c.project_id == project_id, invitations.c.expires_at > now)
        .order_by(invitations.c.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(invitations.c.id < before)
    return [_invitation(row) for row in db.execute(query).mappings()]


def delete_invitation(db: Connection, project_id: ProjectId, invitation_id: str) -> None:
    """Its link is worth nothing.

    Raises:
        InvitationNotFound: the project has none of this id.
    """
    this = (invitations.c.project_id == project_id, invitations.c.id == invitation_id)
    if not db.execute(invitations.delete().where(*this)).rowcount:
        raise InvitationNotFound


def delete_invitations_to(db: Connection, project_id: ProjectId, email: str) -> None:
    """Nobody is invited to the project by this address."""
    to = (invitations.c.project_id == project_id, invitations.c.email == email)
    db.execute(invitations.delete().where(*to))


def delete_invitations_by(db: Connection, created_by: str) -> None:
    """Nobody is invited by this actor."""
    db.execute(invitations.delete().where(invitations.c.created_by == created_by))


def delete_expired(db: Connection, project_id: ProjectId, now: datetime) -> None:
    """What of the project can never be accepted is gone."""
    expired = (invitations.c.project_id == project_id, invitations.c.expires_at <= now)
    db.execute(invitations.delete().where(*expired))


def _invitation(values: Mapping[Any, Any]) -> Invitation:
    return Invitation(**{**values, "role": Role(values["role"])})
