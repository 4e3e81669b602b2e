"""Who may ask: members with passwords, programs with API keys."""

import hashlib
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher

from domain.emails import check_email
from domain.errors import Conflict, Invalid
from domain.ids import ProjectId
from domain.roles import Actor, Role
from services.transactions import Transaction
from storage.sql import access, projects
from storage.sql.access import ApiKey, Member

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
API_KEY_PREFIX = "wa_"
_API_KEY_BYTES = 32


class MemberExists(Conflict):
    """Somebody with this e-mail address is a member already."""

    code = "member_exists"


@dataclass(frozen=True, slots=True)
class IssuedApiKey:
    """A new API key, in clear this one time."""

    text: str
    stored: ApiKey

    def __repr__(self) -> str:
        return f"IssuedApiKey(id={self.stored.id!r})"


def add_member(
    transaction: Transaction,
    hasher: PasswordHasher,
    project_id: ProjectId | None,
    email: str,
    role: Role,
    password: str,
    actor: Actor,
) -> Member:
    """The member may sign in to the dashboard; an owner has no project.

    Raises:
        Invalid: the address or the password is not usable.
        MemberExists: the address is a member's already.
        ProjectNotFound: there is no such project.
    """
    email, password = check_email(email), check_password(password)
    if project_id is not None:
        projects.lock_project(transaction.db, project_id)
    if access.find_member(transaction.db, project_id, email):
        raise MemberExists
    member = Member(
        id=transaction.new_id(),
        project_id=project_id,
        email=email,
        role=role,
        password_hash=hasher.hash(password),
        created_at=transaction.now,
    )
    access.insert_member(transaction.db, member)
    transaction.audit(actor, "member.added", project_id, {"member_id": member.id, "role": role})
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
