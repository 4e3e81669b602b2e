"""The token inspector: why a token is accepted or refused. Nothing of it is stored or logged."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from dashboard.authorisation import CallerOf
from dashboard.pages.inspected import show_inspection
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import page
from dashboard.runtime import RuntimeOf
from dashboard.wire import ProjectPath
from domain.permissions import Action
from services.inspect_token import inspect_token
from storage.sql import projects, signing_secrets

PATH = "inspector"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.TOKENS_INSPECT)
def read(request: Request, runtime: RuntimeOf, project_id: ProjectPath) -> Response:
    """A place to paste a token."""
    with runtime.stores.database.reading() as db:
        projects.get_project(db, project_id)
    return page(request, "inspector.html", shown=None, fault=None)


@router.post(f"/projects/{{project_id}}/{PATH}", name=Action.TOKENS_INSPECT)
def inspect(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    token: Annotated[str, Form()] = "",
) -> Response:
    """Every check of the token, and why; the token itself is not on the page again."""
    if not token.strip():
        fault = "Paste a token first."
        return page(request, "inspector.html", status=422, shown=None, fault=fault)
    runtime.inspections.admit(caller.actor.name)
    examined = inspect_token(runtime.stores, runtime.key_rings, project_id, token)
    with runtime.stores.database.reading() as db:
        secrets = signing_secrets.list_secrets(db, project_id)
    return page(request, "inspector.html", shown=show_inspection(examined, secrets), fault=None)
