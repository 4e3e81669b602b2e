"""Members of a project: listed, invited or added with a password, and removed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from dashboard.authorisation import CallerOf, GuardedRoute, require_grant
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import (
    API_PREFIX,
    Answer,
    MemberPath,
    ProjectPath,
    Question,
    Truth,
    Uuid,
    WireTime,
)
from domain import emails
from domain.permissions import Action
from domain.roles import Role
from services.invitations import SentInvitation, invite
from services.members import LONGEST_PASSWORD, SHORTEST_PASSWORD, insert_member, remove_member
from storage.sql import members, memberships, projects
from storage.sql.memberships import MemberSeen

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["members"])

MemberPage = Annotated[Page, Depends(page_of("members"))]
Email = Annotated[str, Field(min_length=3, max_length=emails.LONGEST, examples=["ada@example.com"])]
# An owner is one of the whole installation, and made on the command line.
GIVEN_ROLE = "administrator, operator or agent; none wider than the caller's own"


class NewMember(Question):
    """Somebody to be a member: with a password at once, or else by an invitation."""

    email: Email
    role: Annotated[Role, Field(strict=False, description=GIVEN_ROLE)]
    password: Annotated[
        str | None, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD, repr=False)
    ] = None


class Member(Answer):
    """Somebody who may sign in to the dashboard."""

    id: Uuid
    email: str
    role: Role
    created_at: WireTime
    last_seen_at: WireTime | None = Field(
        description="When a browser was last in use that is signed in, to a few minutes."
    )

    @classmethod
    def of(cls, member: members.Member, seen: MemberSeen | None = None) -> "Member":
        """The member as they are shown."""
        return cls(
            id=member.id,
            email=member.email,
            role=member.role,
            created_at=member.created_at,
            last_seen_at=seen.seen_at if seen else None,
        )


class MemberList(Answer):
    """Members, oldest first; owners are members of no one project."""

    items: list[Member]
    next_cursor: str | None


class NewInvitation(Answer):
    """An invitation with its link, this one time."""

    id: Uuid
    email: str
    role: Role
    expires_at: WireTime
    link: str = Field(repr=False, description="For the invited person alone. Never shown again.")


class Added(Answer):
    """One of the two: a member if a password was given, else an invitation."""

    member: Member | None
    invitation: NewInvitation | None


@router.get(
    "/projects/{project_id}/members",
    name=Action.MEMBERS_LIST,
    responses=refusals(400, 404, 422),
)
def list_members(project_id: ProjectPath, page: MemberPage, runtime: RuntimeOf) -> MemberList:
    """Who may sign in to the project."""
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = memberships.list_members(db, project_id, limit=page.ahead, after=page.after or "")
    items, next_cursor = page.cut(found, lambda seen: seen.member.id)
    return MemberList(
        items=[Member.of(seen.member, seen) for seen in items], next_cursor=next_cursor
    )


@router.post(
    "/projects/{project_id}/members",
    name=Action.MEMBERS_ADD,
    status_code=201,
    responses=refusals(400, 404, 409, 413, 422),
)
def add_member(
    request: Request,
    project_id: ProjectPath,
    body: NewMember,
    runtime: RuntimeOf,
    caller: CallerOf,
) -> Added:
    """Adds a member with a password; without one invites somebody by a link, shown once."""
    require_grant(request, caller, Action.MEMBERS_ADD, body.role)
    if body.password is None:
        sent = runtime.stores.transactor.run(
            lambda t: invite(t, project_id, body.email, body.role, caller.actor), urgent=True
        )
        link = runtime.invitation_link(sent.token)
        return Added(member=None, invitation=_invitation(sent, link))
    runtime.additions.admit(caller.actor.name)
    password_hash = runtime.door.passwords.hash(body.password)
    added = runtime.stores.transactor.run(
        lambda t: insert_member(t, project_id, body.email, body.role, password_hash, caller.actor),
        urgent=True,
    )
    return Added(member=Member.of(added), invitation=None)


@router.delete(
    "/projects/{project_id}/members/{member_id}",
    name=Action.MEMBERS_REMOVE,
    status_code=204,
    responses=refusals(404, 422),
)
def remove(
    project_id: ProjectPath,
    member_id: MemberPath,
    runtime: RuntimeOf,
    caller: CallerOf,
    *,
    revoke_api_keys: Annotated[
        Truth, Query(description="API keys that they made are revoked as well.")
    ] = False,
) -> None:
    """Removes a member, who is signed out of it everywhere at once."""
    runtime.stores.transactor.run(
        lambda t: remove_member(
            t, project_id, member_id, caller.actor, revoke_keys=revoke_api_keys
        ),
        urgent=True,
    )


def _invitation(sent: SentInvitation, link: str) -> NewInvitation:
    stored = sent.stored
    return NewInvitation(
        id=stored.id,
        email=stored.email,
        role=stored.role,
        expires_at=stored.expires_at,
        link=link,
    )
