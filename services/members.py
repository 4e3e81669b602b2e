"""Members are removed, and with them what they could still get in by."""

from domain.errors import Conflict
from domain.ids import ProjectId
from domain.roles import Actor
from services.api_keys import revoke_api_keys_by
from services.transactions import Transaction
from storage.sql import invitations, memberships, projects
from storage.sql.access import Member


class LastOwner(Conflict):
    """There is no other owner; add one before you remove this one."""

    code = "last_owner"


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
