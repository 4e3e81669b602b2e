"""Shared secrets: generated, shown this one time, and listed without."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field, WithJsonSchema

from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, KeyUuid, ProjectPath, Question, Uuid, WireTime
from domain.errors import Invalid
from domain.ids import KeyId
from domain.permissions import Action
from domain.rotations import Rotation, RotationState
from domain.signing_secrets import SecretState
from domain.times import from_wire
from services.read_secrets import SecretWithDate, read_secrets
from services.rotate_secret import Generated, regenerate

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["secrets"])

SecretPage = Annotated[Page, Depends(page_of("secrets"))]

NOW = "now"
OFF_HOURS = "off_hours"
LONGEST_REASON = 500


class NeverOffline(Invalid):
    """retire_previous: the project has no operating hours, so it has no off-hours."""

    code = "never_offline"


class PlannedRotationUnavailable(Invalid):
    """retire_previous: a rotation cannot be planned for a time yet; give now."""

    code = "planned_rotation_unavailable"


def _known_moment(text: str) -> str:
    try:
        if text not in (NOW, OFF_HOURS):
            from_wire(text)
    except (ValueError, OverflowError):
        message = "give now, off_hours, or a time such as 2026-11-22T09:00:00Z"
        raise ValueError(message) from None
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "give one line of printable characters"
        raise ValueError(message)
    return text


Moment = Annotated[
    str,
    AfterValidator(_known_moment),
    WithJsonSchema(
        {"anyOf": [{"enum": [NOW, OFF_HOURS]}, {"type": "string", "format": "date-time"}]}
    ),
]
Reason = Annotated[str, AfterValidator(_printable), Field(max_length=LONGEST_REASON)]


class NewSecretWish(Question):
    """How the new secret takes over; `now` revokes every earlier one at once."""

    retire_previous: Moment = NOW
    force: bool = Field(default=False, description="For planned rotations only.")
    pinned: bool = Field(default=False, description="For planned rotations only.")
    reason: Reason | None = Field(default=None, description="For the audit log.")
    expect_active_key_id: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Refuse if another key is active by now."
    )


class RotationBegun(Answer):
    """The rotation that a new secret caused."""

    id: Uuid
    state: RotationState
    due_at: WireTime | None

    @classmethod
    def of(cls, rotation: Rotation) -> "RotationBegun":
        """As much of it as can be said by now."""
        return cls(id=rotation.id, state=rotation.state, due_at=rotation.due_at)


class NewSecret(Answer):
    """The secret, this one time. A project's first secret has no rotation."""

    secret: str = Field(repr=False, description="64 characters. It is never shown again.")
    key_id: KeyUuid
    rotation: RotationBegun | None

    @classmethod
    def of(cls, made: Generated) -> "NewSecret":
        """What was generated, in clear."""
        rotation = RotationBegun.of(made.rotation) if made.rotation else None
        return cls(secret=made.secret, key_id=made.key_id, rotation=rotation)


class Secret(Answer):
    """A secret without the secret."""

    key_id: KeyUuid
    state: SecretState
    last_four: str
    created_at: WireTime
    created_by: str
    due_at: WireTime | None = Field(description="When it is to be revoked, where that is planned.")
    revoked_at: WireTime | None
    last_verified_at: WireTime | None
    last_refused_at: WireTime | None

    @classmethod
    def of(cls, secret: SecretWithDate) -> "Secret":
        """The secret as it is shown."""
        stored = secret.stored
        return cls(
            key_id=stored.key_id,
            state=stored.state,
            last_four=stored.last_four,
            created_at=stored.created_at,
            created_by=stored.created_by,
            due_at=secret.due_at,
            revoked_at=stored.revoked_at,
            last_verified_at=stored.last_verified_at,
            last_refused_at=stored.last_refused_at,
        )


class SecretList(Answer):
    """Secrets, newest first."""

    items: list[Secret]
    next_cursor: str | None


@router.post(
    "/projects/{project_id}/secrets",
    name=Action.SECRETS_CREATE,
    status_code=201,
    responses=refusals(400, 404, 409, 413, 422),
)
def generate_secret(
    project_id: ProjectPath,
    runtime: RuntimeOf,
    caller: CallerOf,
    body: NewSecretWish | None = None,
) -> NewSecret:
    """Generates a secret and revokes every earlier one; their sessions are closed."""
    wish = body or NewSecretWish()
    if wish.retire_previous == OFF_HOURS:
        raise NeverOffline
    if wish.retire_previous != NOW:
        raise PlannedRotationUnavailable
    expected = wish.expect_active_key_id
    made = runtime.stores.transactor.run(
        lambda transaction: regenerate(
            transaction,
            runtime.stores.sealer,
            project_id,
            caller.actor,
            reason=wish.reason,
            expect_active_key_id=KeyId(expected) if expected else None,
        ),
        urgent=True,
    )
    return NewSecret.of(made)


@router.get(
    "/projects/{project_id}/secrets",
    name=Action.SECRETS_LIST,
    responses=refusals(400, 404, 422),
)
def list_secrets(project_id: ProjectPath, page: SecretPage, runtime: RuntimeOf) -> SecretList:
    """The project's secrets; never the secret itself."""
    with runtime.stores.database.reading() as db:
        found = read_secrets(db, project_id, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda secret: secret.stored.key_id)
    return SecretList(items=[Secret.of(item) for item in items], next_cursor=next_cursor)
