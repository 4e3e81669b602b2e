"""Rotations with their receipts, and what a revocation would cut."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from dashboard.authorisation import GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, ProjectPath, RotationPath, Uuid, WireTime
from domain.permissions import Action
from domain.rotations import RotationState
from services.read_rotations import RotationWithUse, read_rotation, read_rotations
from services.read_sessions import count_by_key

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["rotations"])

RotationPage = Annotated[Page, Depends(page_of("rotations"))]


class SessionFigures(Answer):
    """Live sessions of the revoked secret."""

    targeted: int = Field(description="Found when it was revoked.")
    closed: int = Field(description="Closed for it by their node.")
    gone: int = Field(description="Gone by themselves meanwhile.")


class NodeFigures(Answer):
    """Gateway nodes that were to close them."""

    asked: int
    answered: int
    expired: list[str] = Field(description="Those whose lease ran out before they answered.")


class LastUse(Answer):
    """When the old key was last used."""

    accepted_at: WireTime | None
    refused_at: WireTime | None


class Receipt(Answer):
    """A rotation and what it did so far; complete once `completed_at` is set."""

    id: Uuid
    state: RotationState
    requested_at: WireTime
    due_at: WireTime | None = Field(description="When the cut was wanted.")
    effective_at: WireTime | None = Field(description="When the old secret was revoked.")
    completed_at: WireTime | None
    sessions: SessionFigures
    nodes: NodeFigures
    last_old_key_use: LastUse

    @classmethod
    def of(cls, found: RotationWithUse) -> "Receipt":
        """The rotation as its receipt is shown."""
        rotation, use = found.rotation, found.last_old_key_use
        return cls(
            id=rotation.id,
            state=rotation.state,
            requested_at=rotation.requested_at,
            due_at=rotation.due_at,
            effective_at=rotation.effective_at,
            completed_at=rotation.completed_at,
            sessions=SessionFigures.model_validate(rotation.sessions, from_attributes=True),
            nodes=NodeFigures(
                asked=rotation.nodes.asked,
                answered=rotation.nodes.answered,
                expired=list(rotation.nodes.expired),
            ),
            last_old_key_use=LastUse.model_validate(use, from_attributes=True),
        )


class RotationList(Answer):
    """Rotations, newest first."""

    items: list[Receipt]
    next_cursor: str | None


class Impact(Answer):
    """How many live sessions each key vouches for; under `anonymous` those without one."""

    by_key: dict[str, int] = Field(examples=[{"anonymous": 12}])


@router.get(
    "/projects/{project_id}/rotations",
    name=Action.ROTATIONS_LIST,
    responses=refusals(400, 404, 422),
)
def list_rotations(project_id: ProjectPath, page: RotationPage, runtime: RuntimeOf) -> RotationList:
    """The project's rotations."""
    with runtime.stores.database.reading() as db:
        found = read_rotations(db, project_id, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda item: item.rotation.id)
    return RotationList(items=[Receipt.of(item) for item in items], next_cursor=next_cursor)


@router.get(
    "/projects/{project_id}/rotations/{rotation_id}",
    name=Action.ROTATIONS_READ,
    responses=refusals(404),
)
def show_rotation(
    project_id: ProjectPath, rotation_id: RotationPath, runtime: RuntimeOf
) -> Receipt:
    """One rotation's receipt as it stands now."""
    with runtime.stores.database.reading() as db:
        return Receipt.of(read_rotation(db, project_id, rotation_id))


@router.get("/projects/{project_id}/impact", name=Action.IMPACT_READ, responses=refusals(404))
def read_impact(project_id: ProjectPath, runtime: RuntimeOf) -> Impact:
    """What revoking a key would cut just now."""
    counts = count_by_key(runtime.stores, project_id)
    return Impact(by_key={key_id or "anonymous": count for key_id, count in counts.items()})
