"""Shared secrets: generated, shown this one time, and listed without."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field

from dashboard.api.dates import NOW, DateWish, Moment
from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import (
    API_PREFIX,
    Answer,
    KeyPath,
    KeyUuid,
    ProjectPath,
    Uuid,
    WireTime,
)
from domain.ids import KeyId
from domain.permissions import Action
from domain.rotation_refusals import DateInvalid
from domain.rotations import Rotation, RotationState
from domain.signing_secrets import SecretState
from services.change_rotations import reveal
from services.read_secrets import SecretWithDate, read_secrets
from services.rotate_secret import Generated, SecretWish, generate

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["secrets"])

SecretPage = Annotated[Page, Depends(page_of("secrets"))]

LONGEST_REASON = 500


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "give one line of printable characters"
        raise ValueError(message)
    return text


Reason = Annotated[str, AfterValidator(_printable), Field(max_length=LONGEST_REASON)]


class NewSecretWish(DateWish):
    """How the new secret takes over; `now` revokes every earlier one at once."""

    retire_previous: Moment = NOW
    force: bool = Field(
        default=False, description="For a planned rotation: although another is not over."
    )
    pinned: bool = Field(
        default=False,
        description="For off_hours or a time: a change of the hours leaves the date alone.",
    )
    reason: Reason | None = Field(default=None, description="For the audit log.")
    expect_active_key_id: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Refuse if another key is active by now."
    )

    def as_wish(self) -> SecretWish:
        """The same in the words of the use case.

        Raises:
            DateInvalid: it asks for now, and says more of a date that is to come.
        """
        expected = self.expect_active_key_id
        when = self.when(self.retire_previous)
        if self.pinned and when is None:
            raise DateInvalid("retire_previous: now has no date to pin; give off_hours or a time")
        return SecretWish(
            when=when,
            force=self.force,
            pinned=self.pinned,
            reason=self.reason,
            expect_active_key_id=KeyId(expected) if expected else None,
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
    """Generates a secret. Earlier ones are revoked at once, or the last at the date given."""
    wish = (body or NewSecretWish()).as_wish()
    made = runtime.stores.transactor.run(
        lambda transaction: generate(
            transaction, runtime.stores.sealer, project_id, caller.actor, wish
        ),
        urgent=True,
    )
    return NewSecret.of(made)


@router.post(
    "/projects/{project_id}/secrets/{key_id}/reveal",
    name=Action.SECRETS_REVEAL,
    responses=refusals(404, 410),
)
def reveal_secret(
    project_id: ProjectPath, key_id: KeyPath, runtime: RuntimeOf, caller: CallerOf
) -> NewSecret:
    """Shows a waiting secret, one time; it takes over, and the one before it is retiring."""
    made = runtime.stores.transactor.run(
        lambda transaction: reveal(
            transaction, runtime.stores.sealer, project_id, key_id, caller.actor
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
