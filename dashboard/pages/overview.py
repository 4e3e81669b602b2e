"""The overview: what goes on in a project now and what went on in the last day."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from dashboard.authorisation import CallerOf
from dashboard.pages.overview_figures import show_overview
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import page
from dashboard.runtime import RuntimeOf
from dashboard.wire import ProjectPath
from domain.permissions import Action
from services.read_overview import read_overview

PATH = "overview"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.OVERVIEW_READ)
def read(
    request: Request, runtime: RuntimeOf, caller: CallerOf, project_id: ProjectPath
) -> Response:
    """The project's overview. Its script asks for it again every few seconds."""
    overview = read_overview(runtime.stores, project_id, datetime.now(UTC))
    names_secrets = caller.may(Action.SECRETS_LIST)
    return page(
        request, "overview.html", shown=show_overview(overview, names_secrets=names_secrets)
    )
