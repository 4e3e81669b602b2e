"""One's own account: the password, and the browsers in which one is signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from dashboard.authorisation import Caller, CallerOf
from dashboard.errors import Unauthenticated
from dashboard.pages.flash import Flash
from dashboard.pages.local_paths import SIGN_IN
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.runtime import Runtime, RuntimeOf
from domain.errors import Invalid
from domain.permissions import Action
from services.member_sign_ins import (
    SignedInMember,
    SignInRefused,
    change_password,
    list_good_sign_ins,
    sign_out_of,
    sign_out_of_all,
)

PATH = "/account"

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]
Digest = Annotated[str, Form(pattern="^[0-9a-f]{64}$")]


@router.get(PATH, name=Action.ACCOUNT_READ)
def read_account(request: Request, runtime: RuntimeOf, caller: CallerOf) -> Response:
    """The account."""
    return _account_page(request, runtime, caller)


@router.post(f"{PATH}/password", name=Action.ACCOUNT_CHANGE)
def replace_password(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    present: Text = "",
    wanted: Text = "",
    repeated: Text = "",
) -> Response:
    """The password is another one, and every other browser is signed out."""
    if wanted != repeated:
        faults = {"repeated": "This is not the same as above."}
        return _account_page(request, runtime, caller, faults)
    signed_in = _signed_in(caller)
    runtime.door.admit_account(caller.name)
    try:
        token = change_password(
            runtime.stores.transactor,
            runtime.door.passwords,
            signed_in,
            present,
            wanted,
            caller.actor.source,
        )
    except SignInRefused:
        faults = {"present": "This is not your present password."}
        return _account_page(request, runtime, caller, faults)
    except Invalid as refusal:
        faults = {"wanted": str(refusal).partition(": ")[2]}
        return _account_page(request, runtime, caller, faults)
    done = Flash("Your password is changed. Every other browser has been signed out.")
    response = go_to(request, PATH, done)
    runtime.cookies.keep_signed_in(response, token)
    return response


@router.post(f"{PATH}/sign-out-elsewhere", name=Action.ACCOUNT_CHANGE)
def sign_out_elsewhere(
    request: Request, runtime: RuntimeOf, caller: CallerOf, sign_in: Digest = ""
) -> Response:
    """One other browser is signed in no longer."""
    was = sign_out_of(runtime.stores.transactor, _signed_in(caller), sign_in, caller.actor.source)
    said = "That browser has been signed out." if was else "That browser was not signed in."
    return go_to(request, PATH, Flash(said, "good" if was else "plain"))


@router.post(f"{PATH}/sign-out-everywhere", name=Action.ACCOUNT_CHANGE)
def sign_out_everywhere(request: Request, runtime: RuntimeOf, caller: CallerOf) -> Response:
    """No browser is signed in any more."""
    sign_out_of_all(runtime.stores.transactor, _signed_in(caller), caller.actor.source)
    response = go_to(request, SIGN_IN, Flash("You have been signed out everywhere."))
    runtime.cookies.forget_signed_in(response)
    return response


def _account_page(
    request: Request, runtime: Runtime, caller: Caller, faults: dict[str, str] | None = None
) -> Response:
    signed_in = _signed_in(caller)
    return page(
        request,
        "account.html",
        status=422 if faults else 200,
        faults=faults or {},
        this_one=signed_in.sign_in.digest,
        sign_ins=list_good_sign_ins(runtime.stores.database, signed_in),
    )


def _signed_in(caller: Caller) -> SignedInMember:
    """How the caller is signed in: pages are for members alone.

    Raises:
        Unauthenticated: the caller is none.
    """
    if caller.signed_in is None:
        raise Unauthenticated
    return caller.signed_in
