"""Somebody is invited by a link, chooses a password with it, and is a member."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.engine import Connection

from domain.emails import check_email
from domain.errors import Conflict
from domain.ids import ProjectId
from domain.projects import Project
from domain.roles import Actor, Role, check_role
from services.members import MemberExists, insert_member
from services.transactions import Transaction
from storage.sql import invitations, members, projects
from storage.sql.engine import Database, now_of
from storage.sql.invitations import Invitation
from storage.sql.members import Member

LASTS = timedelta(days=7)
_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class InvitationOver(Conflict):
    """This link is good no longer, or not whole. Ask whoever sent it for another one."""

    code = "invitation_over"


@dataclass(frozen=True, slots=True)
class SentInvitation:
    """A new invitation, with what its link is to hold, in clear this one time."""

    token: str
    stored: Invitation

    def __repr__(self) -> str:
        return f"SentInvitation(id={self.stored.id!r})"


def invite(
    transaction: Transaction, project_id: ProjectId, email: str, role: Role, actor: Actor
) -> SentInvitation:
    """Whoever gets the link may become a member by this address, once and within 7 days.

    An earlier invitation of the address to the project is over.

    Raises:
        Invalid: the address is not usable, or the role is not one of a project.
        MemberExists: the address is a member's already.
        ProjectNotFound: there is no such project.
    """
    email = check_email(email)
    check_role(role, project_id)
    projects.lock_project(transaction.db, project_id)
    if members.find_member(transaction.db, project_id, email):
        raise MemberExists
    invitations.delete_expired(transaction.db, project_id, transaction.now)
    invitations.delete_invitations_to(transaction.db, project_id, email)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    stored = Invitation(
        id=transaction.new_id(),
        project_id=project_id,
        email=email,
        role=role,
        digest=_digest_of(token),
        created_at=transaction.now,
        created_by=actor.name,
        expires_at=transaction.now + LASTS,
    )
    invitations.insert_invitation(transaction.db, stored)
    details = {"invitation_id": stored.id, "role": role.value}
    transaction.audit(actor, "member.invited", project_id, {**details})
    return SentInvitation(token, stored)


def withdraw(
    transaction: Transaction, project_id: ProjectId, invitation_id: str, actor: Actor
) -> None:
    """The invitation's link is worth nothing.

    Raises:
        InvitationNotFound: the project has none of this id.
        ProjectNotFound: there is no such project.
    """
    projects.lock_project(transaction.db, project_id)
    invitations.delete_invitation(transaction.db, project_id, invitation_id)
    details = {"invitation_id": invitation_id}
    transaction.audit(actor, "invitation.withdrawn", project_id, {**details})


def read_invitation(database: Database, token: str) -> tuple[Invitation, Project]:
    """Who is invited by the link that holds this, and to what.

    Raises:
        InvitationOver: nobody, or not any more.
    """
    with database.reading() as db:
        found = _find(db, token)
        if found is None or found.expires_at <= now_of(db):
            raise InvitationOver
        return found, projects.get_project(db, found.project_id)


def accept(transaction: Transaction, token: str, password_hash: str, source: str | None) -> Member:
    """Whoever held the link is a member, with this password; the link is worth nothing now.

    Args:
        transaction: in which it happens.
        token: what the link held.
        password_hash: of a password that was found to be usable.
        source: the address that they come from.

    Raises:
        InvitationOver: it has been accepted or withdrawn, or its time is over.
        MemberExists: somebody added a member by this address meanwhile.
    """
    found = _find(transaction.db, token)
    if found is None:
        raise InvitationOver
    projects.lock_project(transaction.db, found.project_id)
    # What was read before the lock may have been withdrawn, or accepted, while waiting for it.
    if _find(transaction.db, token) != found or found.expires_at <= transaction.now:
        raise InvitationOver
    member = insert_member(transaction, found.project_id, found.email, found.role, password_hash)
    actor = Actor.member(member.id, source)
    details = {"invitation_id": found.id, "role": member.role.value}
    transaction.audit(actor, "invitation.accepted", found.project_id, {**details})
    return member


def _find(db: Connection, token: str) -> Invitation | None:
    if not _TOKEN.fullmatch(token):
        return None
    return invitations.find_invitation(db, _digest_of(token))


def _digest_of(token: str) -> str:
    """What is stored of a link: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
