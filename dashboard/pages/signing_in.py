"""Signing in and out."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from dashboard.authorisation import PublicRoute, find_member
from dashboard.cross_site import CSRF_FIELD, require_csrf_token, require_own_origin
from dashboard.errors import STATUS_OF
from dashboard.pages.local_paths import SIGN_IN, checked_path
from dashboard.pages.rendering import page
from dashboard.rate_limits import TooManyRequests
from dashboard.requests import facts_of
from dashboard.runtime import Runtime, RuntimeOf
from domain.errors import Refused
from services.member_sign_ins import SignInRefused, digest_of, renew_hashes, sign_in, sign_out
from services.passwords import Busy
from storage.sql.members import Member

log = structlog.get_logger(__name__)

router = APIRouter(route_class=PublicRoute, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get(SIGN_IN, name="sign_in.read")
def read_sign_in(request: Request, runtime: RuntimeOf, next: str = "/") -> Response:  # noqa: A002 - as it stands in the URL
    """The form; who is signed in already goes on."""
    if find_member(runtime, request):
        return RedirectResponse(checked_path(next), 303)
    return page(request, "sign_in.html", then=checked_path(next), email="", refusal=None)


@router.post(SIGN_IN, name="sign_in.create")
def create_sign_in(
    request: Request,
    runtime: RuntimeOf,
    email: Text = "",
    password: Text = "",
    next: Text = "/",  # noqa: A002 - as it stands in the form
) -> Response:
    """Signed in, or the form again with the reason."""
    require_own_origin(runtime, request)
    facts = facts_of(request.scope)
    try:
        members = runtime.door.check(runtime.stores.database, email, password, facts.address)
        token = sign_browser_in(runtime, request, members)
        _renew(runtime, members, password)
    except (SignInRefused, TooManyRequests, Busy) as refusal:
        log.info("sign_in_refused", code=refusal.code, source=facts.address)
        return _refused(request, refusal, email, checked_path(next))
    response = RedirectResponse(checked_path(next), 303)
    runtime.cookies.keep_signed_in(response, token)
    return response


def sign_browser_in(runtime: Runtime, request: Request, members: list[Member]) -> str:
    """What the browser's cookie is to hold; what it held before is worth nothing.

    Raises:
        SignInRefused: a password was changed, or a member removed, since it was checked.
    """
    before = runtime.cookies.sign_in_token(request)
    return sign_in(
        runtime.stores.transactor,
        members,
        source=facts_of(request.scope).address,
        agent=request.headers.get("user-agent"),
        replacing=digest_of(before) if before else "",
    )


def _renew(runtime: Runtime, members: list[Member], password: str) -> None:
    try:
        renew_hashes(runtime.stores.transactor, runtime.door.passwords, members, password)
    except Busy:
        log.info("hash_left_outdated")


def _refused(request: Request, refusal: Refused, email: str, then: str) -> Response:
    wait = {}
    if isinstance(refusal, TooManyRequests):
        wait = {"retry-after": str(refusal.retry_after_seconds)}
    return page(
        request,
        "sign_in.html",
        status=STATUS_OF[type(refusal)],
        headers=wait,
        then=then,
        email=email[:320],
        refusal=str(refusal),
    )


@router.post("/sign-out", name="sign_out.create")
def create_sign_out(
    request: Request, runtime: RuntimeOf, csrf_token: Annotated[str, Form(alias=CSRF_FIELD)] = ""
) -> Response:
    """This browser is signed out; who was not signed in is not either."""
    require_own_origin(runtime, request)
    caller = find_member(runtime, request)
    if caller and caller.signed_in:
        require_csrf_token(runtime, request, csrf_token)
        sign_out(runtime.stores.transactor, caller.signed_in, caller.actor.source)
    response = RedirectResponse(SIGN_IN, 303)
    runtime.cookies.forget_signed_in(response)
    return response
