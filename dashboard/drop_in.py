"""The drop-in endpoints that need SQL: members sign in, and generate a shared secret.

What of it is the same as in the original system and what is not, and why: decision 0013.
"""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from dashboard.cross_site import require_own_origin
from dashboard.drop_in_answers import DropInRoute
from dashboard.drop_in_members import admit
from dashboard.requests import facts_of
from dashboard.runtime import RuntimeOf
from domain.ids import ProjectId
from domain.own_tokens import OwnTokens
from domain.permissions import Action
from services.member_tokens import issue_member_token
from services.rotate_secret import regenerate

router = APIRouter(route_class=DropInRoute, include_in_schema=False)


class Credentials(BaseModel):
    """What a member signs in with; whatever else a client sends is not looked at."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    email: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)


@router.post("/auth/signin", name="drop_in.sign_in")
def sign_in(request: Request, runtime: RuntimeOf, body: Credentials) -> dict[str, Any]:
    """A token with which a member may generate a secret, for a quarter of an hour."""
    require_own_origin(runtime, request)
    stores, source = runtime.stores, facts_of(request.scope).address
    members = runtime.door.check(stores.database, body.email, body.password, source)
    token = issue_member_token(stores.transactor, _tokens(request), members, source)
    first = members[0]
    user = {"_id": first.id, "id": first.id, "email": first.email}
    return {"success": True, "token": f"JWT {token}", "user": user}


@router.post("/{project_id}/keys/generate", name="drop_in.generate")
def generate(request: Request, runtime: RuntimeOf, project_id: str) -> dict[str, str]:
    """A new shared secret, this one time; every earlier one is revoked."""
    require_own_origin(runtime, request)
    caller = admit(runtime, _tokens(request), request, Action.SECRETS_CREATE)
    stores, project = runtime.stores, ProjectId(project_id)
    made = stores.transactor.run(
        lambda transaction: regenerate(transaction, stores.sealer, project, caller.actor),
        urgent=True,
    )
    return {"jwtSecret": made.secret}


def _tokens(request: Request) -> OwnTokens:
    tokens: OwnTokens = request.app.state.member_tokens
    return tokens
