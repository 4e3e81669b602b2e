"""Projects: made, listed, read, changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field

from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, Object, ProjectPath, Question, Uuid, WireTime
from domain import projects as rules
from domain.errors import Invalid
from domain.operating_hours import HoursInvalid, parse_hours
from domain.origins import MOST as MOST_ORIGINS
from domain.permissions import Action
from domain.tokens import policy
from services.projects import change_project, create_project
from storage.sql import projects as stored

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["projects"])

ProjectPage = Annotated[Page, Depends(page_of("projects"))]


def _known_zone(name: str) -> str:
    try:
        return rules.check_time_zone(name)
    except Invalid:
        message = "give the name of an IANA time zone, such as Europe/Rome or UTC"
        raise ValueError(message) from None


def _known_hours(hours: Object | None) -> Object | None:
    try:
        parse_hours(hours)
    except HoursInvalid as error:
        raise ValueError(str(error)) from None
    return hours


Name = Annotated[str, Field(min_length=1, max_length=rules.NAME_LENGTH)]
Zone = Annotated[str, AfterValidator(_known_zone), Field(max_length=64, examples=["Europe/Rome"])]
Hours = Annotated[
    Object,
    AfterValidator(_known_hours),
    Field(examples=[{"weekly": {"mon": [["09:00", "17:30"]]}, "exceptions": []}]),
]
PerMinute = Annotated[int, Field(ge=1, le=rules.MOST_A_MINUTE, description="A minute.")]
# Left out, a member stays as it is; its default is never used, nor shown in the document.
Unset: Any = Field(default_factory=lambda: None)


class NewProject(Question):
    """A project to be made."""

    name: Name
    time_zone: Zone = "UTC"


class LimitChanges(Question):
    """How often one client may do what."""

    connects_per_address: PerMinute = Unset
    sign_ins_per_socket: PerMinute = Unset
    messages_per_socket: PerMinute = Unset


class PolicyChanges(Question):
    """With a preset: that preset and these members over it. Without: these members alone."""

    preset: policy.PresetName = Unset
    require_exp: bool = Unset
    max_lifetime_seconds: Annotated[int, Field(ge=1, le=policy.MAX_LIFETIME_SECONDS)] | None = Unset
    leeway_seconds: Annotated[int, Field(ge=0, le=policy.MAX_LEEWAY_SECONDS)] = Unset
    proof_seconds: Annotated[int, Field(ge=1, le=policy.MAX_PROOF_SECONDS)] = Unset
    custom_id_claim: Annotated[str, Field(min_length=1, max_length=64)] | None = Unset


class ProjectChanges(Question):
    """What is to be different; members that are left out stay as they are."""

    name: Name = Unset
    time_zone: Zone = Unset
    operating_hours: Hours | None = Unset
    token_policy: PolicyChanges = Unset
    allowed_origins: Annotated[list[str], Field(max_length=MOST_ORIGINS)] = Unset
    limits: LimitChanges = Unset


class Limits(Answer):
    """How often one client may do what; all a minute."""

    connects_per_address: int
    sign_ins_per_socket: int
    messages_per_socket: int


class TokenPolicy(Answer):
    """What the project asks of its tokens."""

    preset: policy.PresetName
    require_exp: bool
    max_lifetime_seconds: int | None
    leeway_seconds: int
    proof_seconds: int
    custom_id_claim: str | None = Field(description="The one claim that holds the custom ID.")


class Project(Answer):
    """A project. Without operating hours it is never offline; without origins it admits all."""

    id: Uuid
    name: str
    time_zone: str
    operating_hours: Object | None
    token_policy: TokenPolicy
    allowed_origins: list[str]
    limits: Limits
    created_at: WireTime

    @classmethod
    def of(cls, project: rules.Project) -> "Project":
        """The project as it is shown."""
        return cls.model_validate(project, from_attributes=True)


class ProjectList(Answer):
    """Projects, oldest first."""

    items: list[Project]
    next_cursor: str | None


@router.post(
    "/projects",
    name=Action.PROJECTS_CREATE,
    status_code=201,
    responses=refusals(400, 413, 422),
)
def make_project(body: NewProject, runtime: RuntimeOf, caller: CallerOf) -> Project:
    """Makes a project, with the default token policy and no secret yet."""
    return Project.of(create_project(runtime.stores, body.name, body.time_zone, caller.actor))


@router.get("/projects", name=Action.PROJECTS_LIST, responses=refusals(400, 422))
def list_projects(page: ProjectPage, runtime: RuntimeOf, caller: CallerOf) -> ProjectList:
    """The projects that the caller may read; an owner's are all."""
    only = caller.project_ids_for(Action.PROJECTS_LIST)
    with runtime.stores.database.reading() as db:
        found = stored.list_projects(db, limit=page.ahead, after=page.after or "", only=only)
    items, next_cursor = page.cut(found, lambda project: project.id)
    return ProjectList(items=[Project.of(item) for item in items], next_cursor=next_cursor)


@router.get("/projects/{project_id}", name=Action.PROJECTS_READ, responses=refusals(404))
def read_project(project_id: ProjectPath, runtime: RuntimeOf) -> Project:
    """One project."""
    with runtime.stores.database.reading() as db:
        return Project.of(stored.get_project(db, project_id))


@router.patch(
    "/projects/{project_id}",
    name=Action.PROJECTS_CHANGE,
    responses=refusals(400, 404, 413, 422),
)
def alter_project(
    project_id: ProjectPath, body: ProjectChanges, runtime: RuntimeOf, caller: CallerOf
) -> Project:
    """Changes what is given; gateways follow within a sweep, mostly at once."""
    changes = body.model_dump(exclude_unset=True)
    if not changes:
        return read_project(project_id, runtime)
    return Project.of(change_project(runtime.stores, project_id, changes, caller.actor))
