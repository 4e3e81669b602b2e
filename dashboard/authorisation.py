"""Who asks, and whether they may: decided before anything else of a request is looked at."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from dashboard.cross_site import (
    CSRF_HEADER,
    SAFE_METHODS,
    require_csrf_token,
    require_own_origin,
)
from dashboard.errors import AccessRefused, Unauthenticated
from dashboard.requests import facts_of
from dashboard.runtime import Runtime
from domain.ids import ProjectId, is_uuid
from domain.permissions import Action, is_allowed, may_grant
from domain.roles import Actor, Role
from services.api_keys import api_key_digest
from services.member_sign_ins import SignedInMember, find_signed_in
from storage.sql import api_keys
from storage.sql.members import Member
from storage.sql.projects import ProjectNotFound

_BEARER = re.compile(r"bearer +(wa_[A-Za-z0-9_-]{43})", re.IGNORECASE)

EVENTS = "text/event-stream"
UNATTENDED = "x-unattended"

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what others call them; an owner belongs to no one project.

    A member who is signed in with a cookie may have other memberships as well.
    """

    actor: Actor
    role: Role
    project_id: ProjectId | None
    name: str = ""
    signed_in: SignedInMember | None = None

    @property
    def project_ids(self) -> tuple[ProjectId, ...] | None:
        """The projects that the caller may know of; none at all is said of an owner: all."""
        return self.project_ids_for(Action.PROJECTS_OPEN)

    def project_ids_for(self, action: Action) -> tuple[ProjectId, ...] | None:
        """The projects in which the caller may do this; none at all is said of an owner: all."""
        if self.project_id is None:
            return None
        roles = {self.project_id: self.role}
        if self.signed_in:
            roles |= {m.project_id: m.role for m in self.signed_in.members if m.project_id}
        return tuple(each for each, role in roles.items() if is_allowed(role, action))

    def reaches(self, project_id: str) -> bool:
        """Whether that project, if there is one, is any of the caller's business."""
        return is_uuid(project_id) and self.project_id in (None, project_id)

    def may(self, action: Action) -> bool:
        """Whether the caller's role allows it."""
        return is_allowed(self.role, action)


class PublicRoute(APIRoute):
    """A route for everybody."""

    def get_route_handler(self) -> Answer:
        """The route's answer; its template is known to the log."""
        answer = super().get_route_handler()

        async def public(request: Request) -> Response:
            facts_of(request.scope).route = self.path
            return await answer(request)

        return public


class GuardedRoute(APIRoute):
    """A route whose name is the action it stands for: without one in the table it cannot be made.

    Key or cookie, project and role are checked, in this order, before the body is read. A project
    that is not the caller's does not exist for them.
    """

    def get_route_handler(self) -> Answer:
        """The route's answer to those who may have it.

        Raises:
            ValueError: the name is no action.
        """
        answer = super().get_route_handler()
        action = Action(self.name)

        async def guarded(request: Request) -> Response:
            facts_of(request.scope).route = self.path
            request.state.caller = await run_in_threadpool(_admit, request, action)
            return await answer(request)

        return guarded


def _admit(request: Request, action: Action) -> Caller:
    runtime: Runtime = request.app.state.runtime
    caller = _authenticate(runtime, request, action)
    require_permission(request, caller, action)
    return caller


def require_permission(request: Request, caller: Caller, action: Action) -> None:
    """The caller may do this to the project that the path names.

    Raises:
        AccessRefused: their role does not allow it; it stands in the audit log.
        ProjectNotFound: the project is none of their business; so does that.
    """
    runtime: Runtime = request.app.state.runtime
    facts_of(request.scope).actor = caller.actor.name
    project_id = request.path_params.get("project_id")
    if project_id is not None and not caller.reaches(project_id):
        _audit_refusal(runtime, request, caller, action)
        raise ProjectNotFound  # whether it exists is not for this caller to know
    if not caller.may(action):
        _audit_refusal(runtime, request, caller, action)
        raise AccessRefused


def require_grant(request: Request, caller: Caller, action: Action, role: Role) -> None:
    """The caller may give somebody this role: none that is wider than their own.

    Raises:
        AccessRefused: it is; that stands in the audit log.
    """
    if not may_grant(caller.role, role):
        _audit_refusal(request.app.state.runtime, request, caller, action)
        raise AccessRefused


def _authenticate(runtime: Runtime, request: Request, action: Action) -> Caller:
    """Whose key, or else whose cookie the request carries; with a key no cookie is looked at."""
    if "authorization" in request.headers:
        return _key_holder(runtime, request)
    caller = find_member(runtime, request, action)
    if caller is None:
        raise Unauthenticated
    if request.method not in SAFE_METHODS:
        require_own_origin(runtime, request)
        require_csrf_token(runtime, request, request.headers.get(CSRF_HEADER))
    return caller


def _key_holder(runtime: Runtime, request: Request) -> Caller:
    given = _BEARER.fullmatch(request.headers["authorization"])
    if given is None:
        raise Unauthenticated
    with runtime.stores.database.reading() as db:
        key = api_keys.find_api_key(db, api_key_digest(given[1]))
    if key is None:
        raise Unauthenticated
    source = facts_of(request.scope).address
    return Caller(Actor.api_key(key.id, source), key.role, key.project_id, key.name)


def find_member(
    runtime: Runtime, request: Request, action: Action = Action.PROJECTS_OPEN
) -> Caller | None:
    """Who is signed in with the request's cookie: as what they are in the path's project.

    Where the path names none, as what they may do this, wherever that is.
    """
    token = runtime.cookies.sign_in_token(request)
    if token is None:
        return None
    signed_in = find_signed_in(runtime.stores.transactor, token, is_use=_is_use(request))
    if signed_in is None:
        return None
    member = member_for(signed_in.members, request.path_params.get("project_id"), action)
    actor = Actor.member(member.id, facts_of(request.scope).address)
    return Caller(actor, member.role, member.project_id, member.email, signed_in)


def _is_use(request: Request) -> bool:
    """Whether somebody asks, rather than an open page that keeps itself up to date."""
    return UNATTENDED not in request.headers and EVENTS not in request.headers.get("accept", "")


def member_for(members: Sequence[Member], project_id: str | None, action: Action) -> Member:
    """The membership to act by: an owner's if there is one, else that of the project.

    Args:
        members: of one person, at least one, an owner's first.
        project_id: what is asked about; if that is no project, any membership will do.
        action: what is to be done; a membership that allows it goes first.
    """
    fitting = [m for m in members if project_id is None or m.project_id in (None, project_id)]
    allowed = (member for member in fitting if is_allowed(member.role, action))
    return next(allowed, (*fitting, *members)[0])


def _audit_refusal(runtime: Runtime, request: Request, caller: Caller, action: Action) -> None:
    """The refusal is in the audit log; a caller who collects them has to wait."""
    runtime.refusals.admit(caller.actor.name)
    route = f"{request.method} {facts_of(request.scope).route}"
    runtime.stores.transactor.run(
        lambda transaction: transaction.audit(
            caller.actor, "access.refused", caller.project_id, {"action": action, "route": route}
        )
    )


async def _caller_of(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


CallerOf = Annotated[Caller, Depends(_caller_of)]
