"""Rotations with their receipts, and what a revocation would cut."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from dashboard.api.dates import DateWish, Moment
from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import (
    API_PREFIX,
    Answer,
    KeyUuid,
    ProjectPath,
    Question,
    RotationPath,
    Uuid,
    WireTime,
)
from domain.permissions import Action
from domain.rotation_dates import When
from domain.rotation_refusals import DateInvalid
from domain.rotations import Moved, RotationHow, RotationState
from services.change_rotations import cancel, pin, reschedule, run_now
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
    how: RotationHow
    pinned: bool = Field(description="A change of the operating hours leaves its date alone.")
    forced: bool = Field(description="The cut does not ask whether the new secret is used.")
    old_key_id: KeyUuid | None
    new_key_id: KeyUuid
    requested_at: WireTime
    due_at: WireTime | None = Field(description="When the cut is, or was, wanted.")
    moved_because: Moved | None = Field(description="Why that is another date than asked for.")
    moved_at: WireTime | None = Field(description="Since when it is another one for that reason.")
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
            how=RotationHow(rotation.how),
            pinned=rotation.pinned,
            forced=rotation.forced,
            old_key_id=rotation.old_key_id,
            new_key_id=rotation.new_key_id,
            requested_at=rotation.requested_at,
            due_at=rotation.due_at,
            moved_because=rotation.moved_because,
            moved_at=rotation.moved_at,
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


class RotationChanges(DateWish):
    """What is to be different about a rotation that is under way."""

    retire_previous: Moment | None = Field(default=None, description="Its other date; not now.")
    pinned: bool | None = None

    def when_asked(self) -> When | None:
        """The other date, or None if it stays.

        Raises:
            DateInvalid: it is now, or says more of off-hours without asking for them.
        """
        if self.retire_previous is None:
            if self.model_fields_set & {"stretch_minutes", "not_before"}:
                raise DateInvalid("retire_previous: give off_hours along with what they are to be")
            return None
        when = self.when(self.retire_previous)
        if when is None:
            raise DateInvalid("retire_previous: give off_hours or a time; now is to run it")
        return when


class RunWish(Question):
    """How a rotation is run."""

    force: bool = Field(default=False, description="Although the new secret was never used.")


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


@router.patch(
    "/projects/{project_id}/rotations/{rotation_id}",
    name=Action.ROTATIONS_CHANGE,
    responses=refusals(400, 404, 409, 413, 422),
)
def change_rotation(
    project_id: ProjectPath,
    rotation_id: RotationPath,
    body: RotationChanges,
    runtime: RuntimeOf,
    caller: CallerOf,
) -> Receipt:
    """Gives a rotation that is under way another date, also a cancelled one; pins or unpins it."""
    when = body.when_asked()
    place = project_id, rotation_id, caller.actor
    transactor = runtime.stores.transactor
    if when is not None:
        transactor.run(lambda t: reschedule(t, *place, when, pinned=body.pinned), urgent=True)
    elif body.pinned is not None:
        pinned = body.pinned
        transactor.run(lambda t: pin(t, *place, pinned=pinned), urgent=True)
    return show_rotation(project_id, rotation_id, runtime)


@router.delete(
    "/projects/{project_id}/rotations/{rotation_id}",
    name=Action.ROTATIONS_CANCEL,
    responses=refusals(404, 409),
)
def cancel_rotation(
    project_id: ProjectPath, rotation_id: RotationPath, runtime: RuntimeOf, caller: CallerOf
) -> Receipt:
    """Takes a rotation's date away; both its secrets stay valid, one never revealed is revoked."""
    runtime.stores.transactor.run(
        lambda t: cancel(t, project_id, rotation_id, caller.actor), urgent=True
    )
    return show_rotation(project_id, rotation_id, runtime)


@router.post(
    "/projects/{project_id}/rotations/{rotation_id}/run",
    name=Action.ROTATIONS_RUN,
    responses=refusals(400, 404, 409, 413, 422),
)
def run_rotation(
    project_id: ProjectPath,
    rotation_id: RotationPath,
    runtime: RuntimeOf,
    caller: CallerOf,
    body: RunWish | None = None,
) -> Receipt:
    """Revokes the old secret now, whatever the date; unused new secrets need force."""
    force = body is not None and body.force
    runtime.stores.transactor.run(
        lambda t: run_now(t, project_id, rotation_id, caller.actor, force=force), urgent=True
    )
    return show_rotation(project_id, rotation_id, runtime)


@router.get("/projects/{project_id}/impact", name=Action.IMPACT_READ, responses=refusals(404))
def read_impact(project_id: ProjectPath, runtime: RuntimeOf) -> Impact:
    """What revoking a key would cut just now."""
    counts = count_by_key(runtime.stores, project_id)
    return Impact(by_key={key_id or "anonymous": count for key_id, count in counts.items()})
