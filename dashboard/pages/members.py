"""People: who may sign in to the project, who is invited, and how somebody is removed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from dashboard.authorisation import Caller, CallerOf, require_grant
from dashboard.pages.audit_sentences import who
from dashboard.pages.flash import Flash
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.pages.role_choices import fault_of, read_role, role_choices
from dashboard.paging import Page, page_of
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import InvitationPath, MemberPath, ProjectPath
from domain.errors import Invalid
from domain.ids import ProjectId
from domain.permissions import Action
from domain.roles import Actor, Role
from services.invitations import invite, withdraw
from services.members import MemberExists, remove_member
from storage.sql import actors, api_keys, invitations, memberships, projects
from storage.sql.engine import now_of
from storage.sql.invitations import Invitation
from storage.sql.members import Member

PATH = "members"
MOST_INVITATIONS = 100

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]
MemberPage = Annotated[Page, Depends(page_of("members"))]
_FIRST_PAGE = Page("members", 50, None)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member; `keys` counts the API keys that they made and that are good still."""

    member: Member
    seen_at: datetime | None
    keys: int
    is_caller: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation that nobody has accepted yet, and who sent it."""

    stored: Invitation
    created_by: str


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.MEMBERS_LIST)
def read(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    listed: MemberPage,
) -> Response:
    """The project's people."""
    return _people_page(request, runtime, caller, project_id, listed)


@router.post(f"/projects/{{project_id}}/{PATH}", name=Action.MEMBERS_ADD)
def send_invitation(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    email: Text = "",
    role: Text = "",
) -> Response:
    """The invitation's link, this one time: the answer to this very form alone shows it."""
    try:
        wanted = read_role(role)
        require_grant(request, caller, Action.MEMBERS_ADD, wanted)
        sent = runtime.stores.transactor.run(
            lambda t: invite(t, project_id, email, wanted, caller.actor), urgent=True
        )
    except (Invalid, MemberExists) as refusal:
        return _people_page(
            request, runtime, caller, project_id, _FIRST_PAGE, refusal, (email, role)
        )
    return page(
        request,
        "link_once.html",
        status=201,
        link=runtime.invitation_link(sent.token),
        invitation=sent.stored,
        back=f"/projects/{project_id}/{PATH}",
    )


@router.post(f"/projects/{{project_id}}/{PATH}/{{member_id}}/remove", name=Action.MEMBERS_REMOVE)
def remove(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    member_id: MemberPath,
    revoke_keys: Text = "",
) -> Response:
    """They are a member no longer, and signed out of the project everywhere."""
    removed = runtime.stores.transactor.run(
        lambda t: remove_member(
            t, project_id, member_id, caller.actor, revoke_keys=bool(revoke_keys)
        ),
        urgent=True,
    )
    said = Flash(f"{removed.email} is not a member any more, and is signed out.")
    return go_to(request, f"/projects/{project_id}/{PATH}", said)


@router.post(
    "/projects/{project_id}/invitations/{invitation_id}/withdraw",
    name=Action.INVITATIONS_WITHDRAW,
)
def withdraw_invitation(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    invitation_id: InvitationPath,
) -> Response:
    """The invitation's link is worth nothing."""
    runtime.stores.transactor.run(
        lambda t: withdraw(t, project_id, invitation_id, caller.actor), urgent=True
    )
    said = Flash("The invitation is withdrawn. Its link opens nothing any more.")
    return go_to(request, f"/projects/{project_id}/{PATH}", said)


def _people_page(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    project_id: ProjectId,
    listed: Page,
    refusal: Invalid | MemberExists | None = None,
    entered: tuple[str, str] = ("", Role.AGENT.value),
) -> Response:
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = memberships.list_members(
            db, project_id, limit=listed.ahead, after=listed.after or ""
        )
        keys = api_keys.count_living_keys(db, project_id)
        sent = invitations.list_invitations(db, project_id, now_of(db), limit=MOST_INVITATIONS)
        names = actors.find_names(db, {each.created_by for each in sent})
    seen, next_cursor = listed.cut(found, lambda each: each.member.id)
    rows = [
        MemberRow(
            each.member,
            each.seen_at,
            keys.get(Actor.member(each.member.id).name, 0),
            caller.actor.name == Actor.member(each.member.id).name,
        )
        for each in seen
    ]
    return page(
        request,
        "members.html",
        status=200 if refusal is None else 422 if isinstance(refusal, Invalid) else 409,
        path=f"/projects/{project_id}/{PATH}",
        rows=rows,
        next_cursor=next_cursor,
        is_first=listed.after is None,
        invitations=[InvitationRow(each, who(each.created_by, names)) for each in sent],
        roles=role_choices(caller),
        entered=entered,
        faults=fault_of(refusal, "email"),
    )
