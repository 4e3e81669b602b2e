"""The inspector: why a token is accepted or refused. Nothing of it is stored or logged."""

from fastapi import APIRouter
from pydantic import Field

from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, KeyUuid, Object, ProjectPath, Question, WireTime
from domain.permissions import Action
from domain.refusals import RefusalCode
from domain.tokens.claims import Claims as ReadClaims
from domain.tokens.verification import Examination
from services.inspect_token import inspect_token

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["tokens"])


class TokenToInspect(Question):
    """A token as a site would hand it to the widget, with or without `JWT ` before it."""

    token: str = Field(repr=False, min_length=1)


class CheckMade(Answer):
    """One check, and a sentence that says what is true or what to do."""

    name: str
    passed: bool
    message: str


class Claims(Answer):
    """The claims in their normal form; unproven unless the token is accepted."""

    name: str | None
    email: str | None
    attributes: Object
    issued_at: WireTime | None
    expires_at: WireTime | None
    not_before: WireTime | None
    audience: list[str] | None

    @classmethod
    def of(cls, claims: ReadClaims) -> "Claims":
        """The claims as they are shown."""
        return cls(
            name=claims.name,
            email=claims.email,
            attributes=claims.attributes,
            issued_at=claims.issued_at,
            expires_at=claims.expires_at,
            not_before=claims.not_before,
            audience=None if claims.audience is None else list(claims.audience),
        )


class Inspection(Answer):
    """What signing in with this token would be answered, and every check that could be made."""

    accepted: bool
    code: RefusalCode | None = Field(description="Of the first check that failed.")
    checks: list[CheckMade]
    claims: Claims | None
    custom_id: str | None
    key_id: KeyUuid | None = Field(description="The secret that signed it, a revoked one too.")

    @classmethod
    def of(cls, examined: Examination) -> "Inspection":
        """The examination as it is shown."""
        return cls(
            accepted=examined.accepted,
            code=examined.code,
            checks=[CheckMade.model_validate(c, from_attributes=True) for c in examined.checks],
            claims=Claims.of(examined.claims) if examined.claims else None,
            custom_id=examined.custom_id,
            key_id=examined.key_id,
        )


@router.post(
    "/projects/{project_id}/tokens/inspect",
    name=Action.TOKENS_INSPECT,
    responses=refusals(400, 404, 413, 422),
)
def inspect(
    project_id: ProjectPath, body: TokenToInspect, runtime: RuntimeOf, caller: CallerOf
) -> Inspection:
    """Every check of a token, passed or failed, and why. At most 30 a minute."""
    runtime.inspections.admit(caller.actor.name)
    examined = inspect_token(runtime.stores, runtime.key_rings, project_id, body.token)
    return Inspection.of(examined)
