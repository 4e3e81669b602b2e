"""PROJECT: an id, or a name that only one project has; for owners `-`."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from cli.failures import WrongUse
from domain.ids import ProjectId, is_uuid
from domain.projects import Project
from domain.roles import Role
from storage.sql import projects
from storage.sql.engine import Database

NO_PROJECT = "-"
"""PROJECT for what is the whole installation's: its owners and their API keys."""

_LISTED = 20


class ProjectAmbiguous(WrongUse):
    """Several projects have this name."""

    def __init__(self, ids: Sequence[ProjectId]) -> None:
        listed = ", ".join(ids[:_LISTED]) + (", …" if len(ids) > _LISTED else "")
        message = f"{len(ids)} projects have this name. Give the id of one of them: {listed}"
        super().__init__("project_ambiguous", message)
        self.ids = tuple(ids)


def get_named_project(db: Connection, text: str) -> Project:
    """The project with that id, else the only one of that name.

    Raises:
        ProjectNotFound: there is none.
        ProjectAmbiguous: several have the name.
    """
    found = projects.find_project(db, ProjectId(text)) if is_uuid(text) else None
    named = [found] if found else projects.find_projects_named(db, text.strip())
    if not named:
        message = "There is no such project. `widget-auth project list` shows which there are."
        raise projects.ProjectNotFound(message)
    if len(named) > 1:
        raise ProjectAmbiguous(sorted(project.id for project in named))
    return named[0]


def named_project_id(database: Database, text: str) -> ProjectId | None:
    """The id of the project that is meant, None where the whole installation is.

    Raises:
        ProjectNotFound: there is none.
        ProjectAmbiguous: several have the name.
    """
    if text == NO_PROJECT:
        return None
    with database.reading() as db:
        return get_named_project(db, text).id


def require_fitting(project_text: str, role: Role) -> None:
    """The role is one of a project's, or an owner's where none is named.

    Raises:
        WrongUse: it is not.
    """
    if (role is Role.OWNER) != (project_text == NO_PROJECT):
        message = "An owner is one of the whole installation: give - for PROJECT with --role owner."
        raise WrongUse("role_without_project", message)
