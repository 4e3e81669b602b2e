"""API keys: made and shown one time, listed without, revoked."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from dashboard.authorisation import Caller, CallerOf, require_grant
from dashboard.pages.audit_sentences import who
from dashboard.pages.flash import Flash
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.pages.role_choices import fault_of, read_role, role_choices
from dashboard.paging import Page, page_of
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ApiKeyPath, ProjectPath
from domain.errors import Invalid
from domain.ids import ProjectId
from domain.permissions import Action
from domain.roles import Role
from services.api_keys import create_api_key, revoke_api_key
from storage.sql import actors, projects
from storage.sql import api_keys as stored_keys
from storage.sql.api_keys import ApiKey

PATH = "api-keys"

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]
KeyPage = Annotated[Page, Depends(page_of("api_keys"))]
_FIRST_PAGE = Page("api_keys", 50, None)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key without the key, and who made it."""

    stored: ApiKey
    created_by: str


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.API_KEYS_LIST)
def read(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    listed: KeyPage,
) -> Response:
    """The project's keys."""
    return _keys_page(request, runtime, caller, project_id, listed)


@router.post(f"/projects/{{project_id}}/{PATH}", name=Action.API_KEYS_CREATE)
def make_key(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    name: Text = "",
    role: Text = "",
) -> Response:
    """The key, this one time: the answer to this very form is the only page that shows it."""
    try:
        wanted = read_role(role)
        require_grant(request, caller, Action.API_KEYS_CREATE, wanted)
        issued = runtime.stores.transactor.run(
            lambda t: create_api_key(t, project_id, name, wanted, caller.actor), urgent=True
        )
    except Invalid as refusal:
        entered = (name, role)
        return _keys_page(request, runtime, caller, project_id, _FIRST_PAGE, refusal, entered)
    return page(
        request,
        "key_once.html",
        status=201,
        key=issued.text,
        stored=issued.stored,
        back=f"/projects/{project_id}/{PATH}",
    )


@router.post(f"/projects/{{project_id}}/{PATH}/{{api_key_id}}/revoke", name=Action.API_KEYS_REVOKE)
def revoke(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    api_key_id: ApiKeyPath,
) -> Response:
    """The key opens nothing any more."""
    runtime.stores.transactor.run(
        lambda t: revoke_api_key(t, project_id, api_key_id, caller.actor), urgent=True
    )
    said = Flash("The key is revoked: from now on it opens nothing.")
    return go_to(request, f"/projects/{project_id}/{PATH}", said)


def _keys_page(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    project_id: ProjectId,
    listed: Page,
    refusal: Invalid | None = None,
    entered: tuple[str, str] = ("", Role.OPERATOR.value),
) -> Response:
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
        found = stored_keys.list_api_keys(db, project_id, limit=listed.ahead, before=listed.after)
        names = actors.find_names(db, {each.created_by for each in found})
    keys, next_cursor = listed.cut(found, lambda each: each.id)
    return page(
        request,
        "api_keys.html",
        status=422 if refusal else 200,
        path=f"/projects/{project_id}/{PATH}",
        rows=[KeyRow(each, who(each.created_by, names)) for each in keys],
        next_cursor=next_cursor,
        is_first=listed.after is None,
        roles=role_choices(caller),
        entered=entered,
        faults=fault_of(refusal, "name"),
    )
