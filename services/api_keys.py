"""API keys of a project: made for programs, and revoked."""

from domain.ids import ProjectId
from domain.projects import check_name
from domain.roles import Actor, Role
from services.access import IssuedApiKey, check_role, issue_api_key
from services.transactions import Transaction
from storage.sql import api_keys, invitations, projects


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
