"""Signing a person out everywhere, and undoing a merge."""

from fastapi import APIRouter

from dashboard.api.visitors import Merge
from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, MergePath, ProjectPath, Uuid, VisitorPath
from domain.permissions import Action
from services.sign_out_everywhere import sign_out_everywhere
from services.undo_merge import undo_merge

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["visitors"])


class SignedOut(Answer):
    """The living person, and how many of their devices were open until now."""

    visitor_id: Uuid
    devices_ended: int


class UndoneMerge(Merge):
    """A merge that was undone, and whose record the absorbed one was read through."""

    survivor_id: Uuid


@router.post(
    "/projects/{project_id}/visitors/{visitor_id}/sign_out",
    name=Action.VISITORS_SIGN_OUT,
    responses=refusals(404, 409),
)
def sign_visitor_out(
    project_id: ProjectPath, visitor_id: VisitorPath, runtime: RuntimeOf, caller: CallerOf
) -> SignedOut:
    """Signs the person out everywhere: sessions, devices and tokens of until now are over."""
    done = runtime.stores.transactor.run(
        lambda transaction: sign_out_everywhere(transaction, project_id, visitor_id, caller.actor),
        urgent=True,
    )
    return SignedOut(visitor_id=done.visitor_id, devices_ended=done.devices_ended)


@router.post(
    "/projects/{project_id}/merges/{merge_id}/undo",
    name=Action.MERGES_UNDO,
    responses=refusals(404, 409),
)
def undo(
    project_id: ProjectPath, merge_id: MergePath, runtime: RuntimeOf, caller: CallerOf
) -> UndoneMerge:
    """Splits the absorbed record off again, for good; later messages stay with the survivor."""
    merge = runtime.stores.transactor.run(
        lambda transaction: undo_merge(transaction, project_id, merge_id, caller.actor),
        urgent=True,
    )
    return UndoneMerge.model_validate(merge, from_attributes=True)
