"""Members with passwords: added, and removed with whatever they could still get in by."""

from typing import Protocol

from domain.emails import check_email
from domain.errors import Conflict, Invalid
from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.roles import Actor, Role, check_role
from services.api_keys import revoke_api_keys_by
from services.transactions import Transaction
from storage.sql import invitations, members, memberships, projects
from storage.sql.members import Member

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024


class MemberExists(Conflict):
    """Somebody with this e-mail address is a member already."""

    code = "member_exists"


class Hasher(Protocol):
    """Makes salted hashes of passwords."""

    def hash(self, password: str) -> str:
        """One of this password."""


class LastOwner(Conflict):
    """There is no other owner; add one before you remove this one."""

    code = "last_owner"


def add_member(
    transaction: Transaction,
    hasher: Hasher,
    project_id: ProjectId | None,
    email: str,
    role: Role,
    password: str,
    actor: Actor,
) -> Member:
    """As `insert_member`, with a password that is hashed within the transaction.

    Raises:
        Invalid: the address, the role or the password is not usable.
        MemberExists: the address is a member's already.
        ProjectNotFound: there is no such project.
    """
    password_hash = hasher.hash(check_password(password))
    return insert_member(transaction, project_id, email, role, password_hash, actor)


def insert_member(
    transaction: Transaction,
    project_id: ProjectId | None,
    email: str,
    role: Role,
    password_hash: str,
    actor: Actor | None = None,
) -> Member:
    """The member may sign in to the dashboard; an owner has no project.

    Invitations of this address to the project are over.

    Args:
        transaction: in which it happens.
        project_id: whose member it is.
        email: of the member.
        role: in the project.
        password_hash: of a password that was found to be usable.
        actor: who adds them, for the audit log; without, the caller audits it.

    Raises:
        Invalid: the address is not usable, or the role not one of a project, or of none.
        MemberExists: the address is a member's already.
        ProjectNotFound: there is no such project.
    """
    email = check_email(email)
    check_role(role, project_id)
    if project_id is not None:
        projects.lock_project(transaction.db, project_id)
        invitations.delete_invitations_to(transaction.db, project_id, email)
    if members.find_member(transaction.db, project_id, email):
        raise MemberExists
    member = Member(
        id=transaction.new_id(),
        project_id=project_id,
        email=email,
        role=role,
        password_hash=password_hash,
        created_at=transaction.now,
    )
    members.insert_member(transaction.db, member)
    if actor:
        details: JsonObject = {"member_id": member.id, "role": role}
        transaction.audit(actor, "member.added", project_id, details)
    return member


def remove_member(
    transaction: Transaction,
    project_id: ProjectId | None,
    member_id: str,
    actor: Actor,
    *,
    revoke_keys: bool = False,
) -> Member:
    """They are a member no longer: every browser signed in as this member is not from now on.

    Invitations that they sent are withdrawn: they may know the links. Their other memberships are
    untouched.

    Args:
        transaction: in which it happens.
        project_id: whose member they are; none for an owner.
        member_id: of the member.
        actor: who removes them.
        revoke_keys: API keys that they made are revoked as well; programs may depend on these.

    Raises:
        LastOwner: nobody could administer the installation any more.
        MemberNotFound: the project has no such member.
        ProjectNotFound: there is no such project.
    """
    if project_id is not None:
        projects.lock_project(transaction.db, project_id)
    elif memberships.lock_owners(transaction.db) == [member_id]:
        raise LastOwner
    member = memberships.lock_member(transaction.db, project_id, member_id)
    memberships.delete_member(transaction.db, member.id)
    made_by = Actor.member(member.id).name
    invitations.delete_invitations_by(transaction.db, made_by)
    details = {"member_id": member.id, "role": member.role.value}
    transaction.audit(actor, "member.removed", project_id, {**details})
    if revoke_keys:
        revoke_api_keys_by(transaction, project_id, made_by, actor)
    return member


def check_password(password: str) -> str:
    """The password, known to be of a usable length.

    Raises:
        Invalid: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        message = f"password: give {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        raise Invalid(message)
    return password
