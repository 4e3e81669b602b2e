"""The first pages: the projects, and the way into one."""

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Form, Request, Response

from dashboard.authorisation import Caller, CallerOf
from dashboard.pages.flash import Flash
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.pages.sections import sections_for
from dashboard.paging import Page, page_of
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ProjectPath
from domain.errors import Invalid
from domain.permissions import Action
from domain.projects import Project
from services.projects import create_project
from storage.sql import projects as stored

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]
ProjectPage = Annotated[Page, Depends(page_of("projects"))]


@router.get("/", name=Action.PROJECTS_OPEN)
def read_home(
    request: Request, runtime: RuntimeOf, caller: CallerOf, wanted: ProjectPage
) -> Response:
    """The caller's projects; who has one only goes there."""
    if caller.project_ids and len(set(caller.project_ids)) == 1:
        return go_to(request, f"/projects/{caller.project_id}")
    return _projects_page(request, runtime, caller, wanted)


@router.post("/projects", name=Action.PROJECTS_CREATE)
def make_project(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    name: Text = "",
    time_zone: Text = "UTC",
) -> Response:
    """The project exists; on into it."""
    try:
        project = create_project(runtime.stores, name, time_zone, caller.actor)
    except Invalid as refusal:
        wanted = Page("projects", 50, None)
        return _projects_page(request, runtime, caller, wanted, refusal, (name, time_zone))
    return go_to(request, f"/projects/{project.id}", Flash(f"{project.name} has been created."))


@router.get("/projects/{project_id}", name=Action.PROJECTS_OPEN)
def open_project(
    request: Request, runtime: RuntimeOf, caller: CallerOf, project_id: ProjectPath
) -> Response:
    """On to the first page of the project that the caller may see."""
    with runtime.stores.database.reading() as db:
        stored.get_project(db, project_id)
    for section in sections_for(caller):
        return go_to(request, section.path_in(project_id))
    return page(request, "project.html")


def _projects_page(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    wanted: Page,
    refusal: Invalid | None = None,
    entered: tuple[str, str] = ("", "UTC"),
) -> Response:
    projects, next_cursor = _list(runtime, caller, wanted)
    return page(
        request,
        "projects.html",
        status=422 if refusal else 200,
        projects=projects,
        next_cursor=next_cursor,
        refusal=refusal,
        entered=entered,
        zones=sorted(available_timezones()),
    )


def _list(runtime: Runtime, caller: Caller, wanted: Page) -> tuple[list[Project], str | None]:
    with runtime.stores.database.reading() as db:
        found = stored.list_projects(
            db, limit=wanted.ahead, after=wanted.after or "", only=caller.project_ids
        )
    return wanted.cut(found, lambda project: project.id)
