"""API keys: made, shown this one time, listed without, and revoked."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from dashboard.authorisation import CallerOf, GuardedRoute, require_grant
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import (
    API_PREFIX,
    Answer,
    ApiKeyPath,
    ProjectPath,
    Question,
    Uuid,
    WireTime,
)
from domain.permissions import Action
from domain.projects import NAME_LENGTH
from domain.roles import Role
from services.api_keys import IssuedApiKey, create_api_key, revoke_api_key
from storage.sql import api_keys, projects

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["API keys"])

KeyPage = Annotated[Page, Depends(page_of("api_keys"))]


class NewKeyWish(Question):
    """A key to be made."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH, examples=["Nightly report"])]
    role: Annotated[
        Role,
        Field(
            strict=False,
            description="administrator, operator or agent; none wider than the caller's own",
        ),
    ]


class ApiKey(Answer):
    """A key without the key."""

    id: Uuid
    name: str
    role: Role
    last_four: str
    created_at: WireTime
    created_by: str
    revoked_at: WireTime | None

    @classmethod
    def of(cls, key: api_keys.ApiKey) -> "ApiKey":
        """The key as it is shown."""
        return cls.model_validate(key, from_attributes=True)


class NewApiKey(Answer):
    """The key, this one time."""

    api_key: str = Field(repr=False, description="It is never shown again.")
    key: ApiKey

    @classmethod
    def of(cls, issued: IssuedApiKey) -> "NewApiKey":
        """What was made, in clear."""
        return cls(api_key=issued.text, key=ApiKey.of(issued.stored))


class ApiKeyList(Answer):
    """Keys, newest first; revoked ones stay on the list."""

    items: list[ApiKey]
    next_cursor: str | None


@router.get(
    "/projects/{project_id}/api_keys",
    name=Action.API_KEYS_LIST,
    responses=refusals(400, 404, 422),
)
def list_api_keys(project_id: ProjectPath, page: KeyPage, runtime: RuntimeOf) -> ApiKeyList:
    """The project's keys; never the key itself."""
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = api_keys.list_api_keys(db, project_id, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda key: key.id)
    return ApiKeyList(items=[ApiKey.of(item) for item in items], next_cursor=next_cursor)


@router.post(
    "/projects/{project_id}/api_keys",
    name=Action.API_KEYS_CREATE,
    status_code=201,
    responses=refusals(400, 404, 413, 422),
)
def make_api_key(
    request: Request,
    project_id: ProjectPath,
    body: NewKeyWish,
    runtime: RuntimeOf,
    caller: CallerOf,
) -> NewApiKey:
    """Makes a key for a program."""
    require_grant(request, caller, Action.API_KEYS_CREATE, body.role)
    issued = runtime.stores.transactor.run(
        lambda t: create_api_key(t, project_id, body.name, body.role, caller.actor), urgent=True
    )
    return NewApiKey.of(issued)


@router.delete(
    "/projects/{project_id}/api_keys/{api_key_id}",
    name=Action.API_KEYS_REVOKE,
    status_code=204,
    responses=refusals(404),
)
def revoke(
    project_id: ProjectPath, api_key_id: ApiKeyPath, runtime: RuntimeOf, caller: CallerOf
) -> None:
    """Revokes a key: from then on it opens nothing. Once more changes nothing."""
    runtime.stores.transactor.run(
        lambda t: revoke_api_key(t, project_id, api_key_id, caller.actor), urgent=True
    )
