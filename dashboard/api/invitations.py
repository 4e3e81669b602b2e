"""Invitations that nobody has accepted yet: listed without their links, and withdrawn."""

from typing import Annotated

from fastapi import APIRouter, Depends

from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import (
    API_PREFIX,
    Answer,
    InvitationPath,
    ProjectPath,
    Uuid,
    WireTime,
)
from domain.permissions import Action
from domain.roles import Role
from services.invitations import withdraw
from storage.sql import invitations, projects
from storage.sql.engine import now_of

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["members"])

InvitationPage = Annotated[Page, Depends(page_of("invitations"))]


class Invitation(Answer):
    """Somebody who has been invited."""

    id: Uuid
    email: str
    role: Role
    created_at: WireTime
    created_by: str
    expires_at: WireTime


class InvitationList(Answer):
    """Invitations, newest first."""

    items: list[Invitation]
    next_cursor: str | None


@router.get(
    "/projects/{project_id}/invitations",
    name=Action.INVITATIONS_LIST,
    responses=refusals(400, 404, 422),
)
def list_invitations(
    project_id: ProjectPath, page: InvitationPage, runtime: RuntimeOf
) -> InvitationList:
    """Who is invited and has not accepted."""
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = invitations.list_invitations(
            db, project_id, now_of(db), limit=page.ahead, before=page.after
        )
    items, next_cursor = page.cut(found, lambda invitation: invitation.id)
    return InvitationList(
        items=[Invitation.model_validate(item, from_attributes=True) for item in items],
        next_cursor=next_cursor,
    )


@router.delete(
    "/projects/{project_id}/invitations/{invitation_id}",
    name=Action.INVITATIONS_WITHDRAW,
    status_code=204,
    responses=refusals(404),
)
def withdraw_invitation(
    project_id: ProjectPath, invitation_id: InvitationPath, runtime: RuntimeOf, caller: CallerOf
) -> None:
    """Makes an invitation's link worth nothing."""
    runtime.stores.transactor.run(
        lambda t: withdraw(t, project_id, invitation_id, caller.actor), urgent=True
    )
