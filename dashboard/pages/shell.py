"""What stands around every page: who is signed in, in which project, and where one may go."""

from dataclasses import dataclass

from fastapi import Request

from dashboard.authorisation import Caller
from dashboard.pages.sections import Section, sections_for
from dashboard.runtime import Runtime
from domain.alarms import Alarm
from domain.ids import ProjectId
from domain.permissions import Action
from domain.projects import Project
from services.alarms import read_alarms
from storage.sql import projects as stored

SHOWN_IN_SWITCHER = 20


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of one page.

    Attributes:
        path: of the page.
        caller: who is signed in.
        csrf_token: for the page's forms and scripts; empty if nobody is signed in.
        project: that the page is about.
        projects: some that the caller may go to.
        sections: of the project, as far as the caller may see them.
        alarms: of the project, for those who may do something; the overview has its own.
    """

    path: str = ""
    caller: Caller | None = None
    csrf_token: str = ""
    project: Project | None = None
    projects: tuple[Project, ...] = ()
    sections: tuple[Section, ...] = ()
    alarms: tuple[Alarm, ...] = ()

    def may(self, action: str) -> bool:
        """Whether the caller may do this: what they may not is not offered."""
        return self.caller is not None and self.caller.may(Action(action))


def shell_of(request: Request | None, caller: Caller | None) -> Shell:
    """The frame of the page that is asked for."""
    if request is None or caller is None:
        return Shell()
    runtime: Runtime = request.app.state.runtime
    token = runtime.cookies.sign_in_token(request) or ""
    with runtime.stores.database.reading() as db:
        projects = stored.list_projects(db, limit=SHOWN_IN_SWITCHER, only=caller.project_ids)
        wanted = request.path_params.get("project_id", "")
        reached = caller.reaches(wanted)
        project = stored.find_project(db, ProjectId(wanted)) if reached else None
    return Shell(
        path=request.url.path,
        caller=caller,
        csrf_token=runtime.cookies.csrf_token(token),
        project=project,
        projects=tuple(projects),
        sections=tuple(sections_for(caller)) if project else (),
        alarms=_alarms(runtime, request, caller, project) if project else (),
    )


def _alarms(
    runtime: Runtime, request: Request, caller: Caller, project: Project
) -> tuple[Alarm, ...]:
    is_overview = request.url.path == f"/projects/{project.id}/overview"
    if is_overview or not caller.may(Action.OVERVIEW_READ):
        return ()
    return tuple(read_alarms(runtime.stores, project.id))
