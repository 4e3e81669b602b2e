"""Who may ask: members with passwords, programs with API keys."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Protocol

from domain.emails import check_email
from domain.errors import Conflict, Invalid
from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.roles import Actor, Role
from services.transactions import Transaction
from storage.sql import access, invitations, projects
from storage.sql.access import ApiKey, Member

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
API_KEY_PREFIX = "wa_"
_API_KEY_BYTES = 32


class MemberExists(Conflict):
    """Somebody with this e-mail address is a member already."""

    code = "member_exists"


class Hasher(Protocol):
    """Makes salted hashes of passwords."""

    def hash(self, password: str) -> str:
        """One of this password."""


@dataclass(frozen=True, slots=True)
class IssuedApiKey:
    """A new API key, in clear this one time."""

    text: str
    stored: ApiKey

    def __repr__(self) -> str:
        return f"IssuedApiKey(id={self.stored.id!r})"


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
    if access.find_member(transaction.db, project_id, email):
        raise MemberExists
    member = Member(
        id=transaction.new_id(),
        project_id=project_id,
        email=email,
        role=role,
        password_hash=password_hash,
        created_at=transaction.now,
    )
    access.insert_member(transaction.db, member)
    if actor:
        details: JsonObject = {"member_id": member.id, "role": role}
        transaction.audit(actor, "member.added", project_id, details)
    return member


def check_role(role: Role, project_id: ProjectId | None) -> None:
    """The role is one of a project's, or an owner's where there is none.

    Raises:
        Invalid: it is not.
    """
    if (role is Role.OWNER) != (project_id is None):
        message = "role: an owner is one of the whole installation, everybody else of a project"
        raise Invalid(message)


def check_password(password: str) -> str:
    """The password, known to be of a usable length.

    Raises:
        Invalid: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        message = f"password: give {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        raise Invalid(message)
    return password


def issue_api_key(
    transaction: Transaction,
    project_id: ProjectId | None,
    name: str,
    role: Role,
    actor: Actor,
) -> IssuedApiKey:
    """A new key exists; only its digest is stored, so it is shown now or never."""
    text = API_KEY_PREFIX + secrets.token_urlsafe(_API_KEY_BYTES)
    stored = ApiKey(
        id=transaction.new_id(),
        project_id=project_id,
        name=name,
        role=role,
        digest=api_key_digest(text),
        last_four=text[-4:],
        created_at=transaction.now,
        created_by=actor.name,
    )
    access.insert_api_key(transaction.db, stored)
    transaction.audit(actor, "api_key.issued", project_id, {"api_key_id": stored.id, "role": role})
    return IssuedApiKey(text, stored)


def api_key_digest(text: str) -> str:
    """What is stored of a key: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()
