"""When chat is offline next."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from dashboard.authorisation import GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import whole_number_to
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, ProjectPath, WireTime
from domain.off_hours import Stretch
from domain.permissions import Action
from services.read_off_hours import read_off_hours

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["rotations"])

USUAL = 5
MOST = 50

Count = Annotated[
    int,
    Field(ge=1, le=MOST),
    BeforeValidator(whole_number_to(MOST)),
    Query(description="How many to list."),
]


class OffHoursStretch(Answer):
    """Chat is offline from one moment until just before another."""

    starts_at: WireTime
    ends_at: WireTime = Field(description="It is followed for 400 days.")
    local_start: str = Field(description="As the project's clock shows it.")
    local_end: str
    dst_shift: bool = Field(description="Whether clocks are changed in it, or at one of its ends.")

    @classmethod
    def of(cls, stretch: Stretch) -> "OffHoursStretch":
        """The stretch as it is shown."""
        shown = stretch.to_json()
        return cls(
            starts_at=stretch.starts_at,
            ends_at=stretch.ends_at,
            local_start=str(shown["local_start"]),
            local_end=str(shown["local_end"]),
            dst_shift=stretch.dst_shift,
        )


class OffHoursList(Answer):
    """The coming stretches in order; none for a project that is never offline."""

    items: list[OffHoursStretch]
    next_cursor: None = None


@router.get(
    "/projects/{project_id}/off_hours",
    name=Action.OFF_HOURS_LIST,
    responses=refusals(404, 422),
)
def list_off_hours(
    project_id: ProjectPath, runtime: RuntimeOf, count: Count = USUAL
) -> OffHoursList:
    """When chat is offline next, by the operating hours and in the project's zone."""
    with runtime.stores.database.reading() as db:
        found = read_off_hours(db, project_id, count)
    return OffHoursList(items=[OffHoursStretch.of(stretch) for stretch in found])
