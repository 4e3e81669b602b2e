"""API keys: issued to programs, shown once, and revoked."""

import hashlib
import secrets
from dataclasses import dataclass

from domain.ids import ProjectId
from domain.projects import check_name
from domain.roles import Actor, Role, check_role
from services.transactions import Transaction
from storage.sql import api_keys, invitations, projects
from storage.sql.api_keys import ApiKey

API_KEY_PREFIX = "wa_"
_API_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class IssuedApiKey:
    """A new API key, in clear this one time."""

    text: str
    stored: ApiKey

    def __repr__(self) -> str:
        return f"IssuedApiKey(id={self.stored.id!r})"


def create_api_key(
    transaction: Transaction,
    project_id: ProjectId | None,
    name: str,
    role: Role,
    actor: Actor,
) -> IssuedApiKey:
    """A new key of the project, in clear this one time; an owner's key has no project.

    Raises:
        Invalid: the name is not usable, or the role not one of a project, or of none.
        ProjectNotFound: there is no such project.
    """
    name = check_name(name)
    check_role(role, project_id)
    if project_id is not None:
        projects.lock_project(transaction.db, project_id)
    return issue_api_key(transaction, project_id, name, role, actor)


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
    api_keys.insert_api_key(transaction.db, stored)
    transaction.audit(actor, "api_key.issued", project_id, {"api_key_id": stored.id, "role": role})
    return IssuedApiKey(text, stored)


def revoke_api_key(
    transaction: Transaction, project_id: ProjectId | None, key_id: str, actor: Actor
) -> None:
    """Nobody may ask with this key any more; revoking it again changes nothing.

    Invitations that were sent with it are withdrawn: whoever had the key may know the links.

    Raises:
        ApiKeyNotFound: the project has none of this id.
        ProjectNotFound: there is no such project.
    """
    if project_id is not None:
        projects.lock_project(transaction.db, project_id)
    if not api_keys.revoke_api_key(transaction.db, project_id, key_id, transaction.now):
        return
    invitations.delete_invitations_by(transaction.db, Actor.api_key(key_id).name)
    transaction.audit(actor, "api_key.revoked", project_id, {"api_key_id": key_id})


def revoke_api_keys_by(
    transaction: Transaction, project_id: ProjectId | None, made_by: str, actor: Actor
) -> None:
    """Every key that this actor made is revoked."""
    for key_id in api_keys.list_living_ids_by(transaction.db, project_id, made_by):
        revoke_api_key(transaction, project_id, key_id, actor)


def api_key_digest(text: str) -> str:
    """What is stored of a key: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()
