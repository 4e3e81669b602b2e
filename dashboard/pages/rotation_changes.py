"""What can be done about a rotation under way: run, cancelled, given another date, pinned."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from dashboard.authorisation import CallerOf
from dashboard.pages.date_forms import DateForm
from dashboard.pages.flash import Flash
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ProjectPath, RotationPath
from domain.errors import Conflict, Invalid
from domain.ids import ProjectId, RotationId
from domain.permissions import Action
from domain.rotation_refusals import DateInvalid
from domain.rotations import Rotation
from services.change_rotations import cancel, pin, reschedule, run_now
from services.rotations import load_situation
from services.transactions import Transaction

ONE = "/projects/{project_id}/rotations/{rotation_id}"

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]
Command = Callable[[Transaction], Rotation]


@router.post(f"{ONE}/run", name=Action.ROTATIONS_RUN)
def run(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    rotation_id: RotationPath,
    force: Text = "",
) -> Response:
    """The old secret is revoked now."""
    return _changed(
        request,
        runtime,
        (project_id, rotation_id),
        lambda t: run_now(t, project_id, rotation_id, caller.actor, force=bool(force)),
        "The old secret is revoked. Below you see how its sessions are closed.",
    )


@router.post(f"{ONE}/cancel", name=Action.ROTATIONS_CANCEL)
def cancel_it(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    rotation_id: RotationPath,
) -> Response:
    """The rotation has no date."""
    return _changed(
        request,
        runtime,
        (project_id, rotation_id),
        lambda t: cancel(t, project_id, rotation_id, caller.actor),
        "The rotation is cancelled.",
    )


@router.post(f"{ONE}/reschedule", name=Action.ROTATIONS_CHANGE)
def give_another_date(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    rotation_id: RotationPath,
    when: Text = "",
    local_time: Text = "",
) -> Response:
    """The rotation has another date."""

    def command(transaction: Transaction) -> Rotation:
        zone = load_situation(transaction, project_id).zone
        wanted = DateForm(when, local_time).when(zone)
        if wanted is None:
            raise DateInvalid("when: choose the next off-hours or a time; now is to run it")
        return reschedule(transaction, project_id, rotation_id, caller.actor, wanted)

    place = project_id, rotation_id
    return _changed(request, runtime, place, command, "The rotation has another date.")


@router.post(f"{ONE}/pin", name=Action.ROTATIONS_CHANGE)
def pin_it(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    rotation_id: RotationPath,
    pinned: Text = "",
) -> Response:
    """A change of the hours leaves the date alone, or moves it again."""
    is_pinned = bool(pinned)
    return _changed(
        request,
        runtime,
        (project_id, rotation_id),
        lambda t: pin(t, project_id, rotation_id, caller.actor, pinned=is_pinned),
        "The date is pinned." if is_pinned else "The date follows the operating hours again.",
    )


def _changed(
    request: Request,
    runtime: Runtime,
    place: tuple[ProjectId, RotationId],
    command: Command,
    done: str,
) -> Response:
    """Back to the rotation, with what was done or why not."""
    project_id, rotation_id = place
    try:
        runtime.stores.transactor.run(command, urgent=True)
        told = Flash(done)
    except (Conflict, Invalid) as refusal:
        told = Flash(_sentence(refusal), "bad")
    return go_to(request, ONE.format(project_id=project_id, rotation_id=rotation_id), told)


def _sentence(refusal: Exception) -> str:
    """Without the name of the field, which people did not choose."""
    field, separator, message = str(refusal).partition(": ")
    return message if separator and field.islower() and " " not in field else str(refusal)
