"""Who asks a drop-in endpoint: a member, by password or by the token they were given for it."""

import binascii
import re
from base64 import b64decode

from fastapi import Request

from dashboard.authorisation import Caller, member_for, require_permission
from dashboard.errors import AccessRefused
from dashboard.requests import facts_of
from dashboard.runtime import Runtime
from domain.own_tokens import OwnTokens
from domain.permissions import Action
from domain.roles import Actor
from services.member_sign_ins import SignInRefused
from services.member_tokens import list_token_holders
from storage.sql.members import Member
from storage.sql.projects import ProjectNotFound

_TOKEN = re.compile(r"jwt +(\S+)", re.IGNORECASE)
_BASIC = re.compile(r"basic +([A-Za-z0-9+/=]+)", re.IGNORECASE)


def admit(runtime: Runtime, tokens: OwnTokens, request: Request, action: Action) -> Caller:
    """A member who may do this to the path's project.

    Raises:
        AccessRefused: no membership of theirs allows it. Nobody but an owner learns whether there
            is such a project.
        Busy: too many sign in at this moment.
        ProjectNotFound: so says an owner's question.
        SignInRefused: they are nobody.
        TooManyRequests: they have tried too often.
    """
    members = _authenticate(runtime, tokens, request)
    member = member_for(members, request.path_params["project_id"], action)
    actor = Actor.member(member.id, facts_of(request.scope).address)
    caller = Caller(actor, member.role, member.project_id, member.email)
    try:
        require_permission(request, caller, action)
    except ProjectNotFound:
        if caller.project_id is None:
            raise
        raise AccessRefused from None
    return caller


def _authenticate(runtime: Runtime, tokens: OwnTokens, request: Request) -> list[Member]:
    headers = request.headers.getlist("authorization")
    given = headers[0] if len(headers) == 1 else ""
    if token := _TOKEN.fullmatch(given):
        return list_token_holders(runtime.stores.database, tokens, token[1])
    if basic := _BASIC.fullmatch(given):
        email, password = _read_basic(basic[1])
        address = facts_of(request.scope).address
        return runtime.door.check(runtime.stores.database, email, password, address)
    raise SignInRefused


def _read_basic(text: str) -> tuple[str, str]:
    """E-mail address and password (RFC 7617)."""
    try:
        email, colon, password = b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise SignInRefused from None
    if not colon:
        raise SignInRefused
    return email, password
