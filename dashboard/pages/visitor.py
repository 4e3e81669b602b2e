"""One visitor: who they are, where they are signed in, what was merged; and undoing that."""

from fastapi import APIRouter, Request, Response

from dashboard.authorisation import CallerOf
from dashboard.pages.flash import Flash
from dashboard.pages.inbox import read_faces
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.pages.visitor_shown import show_visitor
from dashboard.pages.visitors import PATH
from dashboard.runtime import RuntimeOf
from dashboard.wire import MergePath, ProjectPath, VisitorPath
from domain.permissions import Action
from services.read_visitors import read_visitor
from services.sign_out_everywhere import VisitorAnonymous, sign_out_everywhere
from services.undo_merge import AlreadyUndone, undo_merge
from services.watch_visitors import tell_state

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"/projects/{{project_id}}/{PATH}/{{visitor_id}}", name=Action.VISITORS_READ)
def read_one(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    visitor_id: VisitorPath,
) -> Response:
    """The visitor whole. An absorbed record's page is that of who absorbed it."""
    state = tell_state(runtime.stores, project_id)
    whole = read_visitor(runtime.stores, project_id, visitor_id)
    if whole.visitor.id != visitor_id:
        said = Flash("The record that you asked for was merged into this one.", "plain")
        return go_to(request, f"/projects/{project_id}/{PATH}/{whole.visitor.id}", said)
    faces = read_faces(runtime, project_id, caller)
    identifies = caller.may(Action.DEVICES_IDENTIFY)
    shown = show_visitor(whole, faces, identifies_devices=identifies)
    return page(request, "visitor.html", state=state, shown=shown)


@router.post(
    f"/projects/{{project_id}}/{PATH}/{{visitor_id}}/sign-out", name=Action.VISITORS_SIGN_OUT
)
def sign_out(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    visitor_id: VisitorPath,
) -> Response:
    """The person is signed out everywhere; sessions, devices and tokens of until now are over."""
    path = f"/projects/{project_id}/{PATH}/{visitor_id}"
    try:
        done = runtime.stores.transactor.run(
            lambda t: sign_out_everywhere(t, project_id, visitor_id, caller.actor), urgent=True
        )
    except VisitorAnonymous as refusal:
        return go_to(request, path, Flash(str(refusal), "bad"))
    count = done.devices_ended
    devices = "1 device has" if count == 1 else f"{count} devices have"
    said = Flash(f"Signed out everywhere. {devices} to sign in anew.")
    return go_to(request, path if caller.may(Action.VISITORS_READ) else "/", said)


@router.post("/projects/{project_id}/merges/{merge_id}/undo", name=Action.MERGES_UNDO)
def undo(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    merge_id: MergePath,
) -> Response:
    """The two records stand by themselves again, for good."""
    try:
        merge = runtime.stores.transactor.run(
            lambda t: undo_merge(t, project_id, merge_id, caller.actor), urgent=True
        )
    except AlreadyUndone as refusal:
        return go_to(request, f"/projects/{project_id}/{PATH}", Flash(str(refusal), "bad"))
    path = f"/projects/{project_id}/{PATH}/{merge.survivor_id}"
    said = Flash("The merge has been undone. Both were signed out.")
    return go_to(request, path if caller.may(Action.VISITORS_READ) else "/", said)
