"""Whoever has an invitation's link chooses a password, and is signed in as a member.

What the link holds stands behind its `#`: browsers send that to no server, so it is in no log and
no referrer. The page's script takes it out of the address and sends it in the body of a form.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request, Response

from dashboard.authorisation import PublicRoute, find_member
from dashboard.cross_site import require_own_origin
from dashboard.errors import status_of
from dashboard.pages.flash import Flash
from dashboard.pages.rendering import go_to, page
from dashboard.pages.signing_in import sign_browser_in
from dashboard.requests import facts_of
from dashboard.runtime import INVITATION_PATH, Runtime, RuntimeOf
from domain.client_addresses import network_of
from domain.errors import Invalid, Refused
from services.invitations import InvitationOver, accept, read_invitation
from services.members import MemberExists, check_password

log = structlog.get_logger(__name__)

router = APIRouter(route_class=PublicRoute, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get(INVITATION_PATH, name="invitation.read")
def read(request: Request) -> Response:
    """A page that knows nothing yet: its script hands over what the link holds."""
    return page(request, "invitation_link.html")


@router.post(INVITATION_PATH, name="invitation.open")
def open_invitation(request: Request, runtime: RuntimeOf, token: Text = "") -> Response:
    """Who is invited, to what, and the form that accepts it."""
    _admit(request, runtime)
    return _invitation_page(request, runtime, token, {})


@router.post(f"{INVITATION_PATH}/accept", name="invitation.accept")
def accept_invitation(
    request: Request,
    runtime: RuntimeOf,
    token: Text = "",
    password: Text = "",
    repeated: Text = "",
) -> Response:
    """A member, signed in; or the form again with the reason."""
    _admit(request, runtime)
    try:
        check_password(password)
    except Invalid as refusal:
        fault = {"password": str(refusal).partition(": ")[2]}
        return _invitation_page(request, runtime, token, fault)
    if password != repeated:
        fault = {"repeated": "This is not the same as above."}
        return _invitation_page(request, runtime, token, fault)
    return _accept(request, runtime, token, password)


def _accept(request: Request, runtime: Runtime, token: str, password: str) -> Response:
    stores, source = runtime.stores, facts_of(request.scope).address
    try:
        read_invitation(stores.database, token)  # nothing is hashed for whoever has no invitation
        password_hash = runtime.door.passwords.hash(password)
        member = stores.transactor.run(
            lambda t: accept(t, token, password_hash, source), urgent=True
        )
    except (InvitationOver, MemberExists) as refusal:
        return _over(request, refusal)
    cookie = sign_browser_in(runtime, request, [member])
    said = Flash(f"Welcome. From now on you sign in as {member.email}.")
    response = go_to(request, f"/projects/{member.project_id}", said)
    runtime.cookies.keep_signed_in(response, cookie)
    return response


def _admit(request: Request, runtime: Runtime) -> None:
    require_own_origin(runtime, request)
    runtime.invitations.admit(network_of(facts_of(request.scope).address))


def _invitation_page(
    request: Request, runtime: Runtime, token: str, faults: dict[str, str]
) -> Response:
    try:
        invitation, project = read_invitation(runtime.stores.database, token)
    except InvitationOver as refusal:
        return _over(request, refusal)
    present = find_member(runtime, request)
    return page(
        request,
        "invitation.html",
        status=422 if faults else 200,
        token=token,
        invitation=invitation,
        project=project,
        present=present.name if present else None,
        faults=faults,
    )


def _over(request: Request, refusal: Refused) -> Response:
    log.info("invitation_refused", code=refusal.code, source=facts_of(request.scope).address)
    return page(request, "invitation_over.html", status=status_of(refusal), refusal=str(refusal))
