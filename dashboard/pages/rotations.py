"""Rotations: the one under way, and the receipts of all."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.engine import Connection

from dashboard.authorisation import CallerOf
from dashboard.pages.date_forms import AT, OFF_HOURS, DateForm
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import page
from dashboard.pages.rotation_rows import RotationShown, show_rotations
from dashboard.pages.streams import stream_changes
from dashboard.paging import Page, page_of
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ProjectPath, RotationPath
from domain.errors import StorageUnavailable
from domain.ids import KeyId, ProjectId
from domain.permissions import Action
from domain.signing_secrets import SigningSecret
from services.read_off_hours import read_off_hours
from services.read_rotations import RotationWithUse, read_rotation, read_rotations
from services.read_sessions import count_by_key
from storage.sql import actors, projects, signing_secrets

PATH = "rotations"
STRETCHES = 3
MOST_WATCHED = 20
DIGITS = 16

router = APIRouter(route_class=PageRoute, include_in_schema=False)

RotationPage = Annotated[Page, Depends(page_of("rotations"))]


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.ROTATIONS_LIST)
def read_all(
    request: Request, runtime: RuntimeOf, project_id: ProjectPath, wanted: RotationPage
) -> Response:
    """The project's rotations, newest first. Its script keeps it up to date."""
    state = _state(runtime, project_id)  # first: what comes meanwhile is then told as a change
    with runtime.stores.database.reading() as db:
        found = read_rotations(db, project_id, limit=wanted.ahead, before=wanted.after)
        items, next_cursor = wanted.cut(found, lambda item: item.rotation.id)
        shown = _show(db, project_id, items)
    return page(
        request,
        "rotations.html",
        path=_path(project_id),
        state=state,
        rotations=shown,
        next_cursor=next_cursor,
        is_first=wanted.after is None,
    )


@router.get(f"/projects/{{project_id}}/{PATH}/changes", name=Action.ROTATIONS_LIST)
def follow(
    request: Request, runtime: RuntimeOf, caller: CallerOf, project_id: ProjectPath
) -> Response:
    """A stream that tells whenever anything about the latest rotations has changed."""
    return stream_changes(request, caller, lambda: _state(runtime, project_id))


@router.get(f"/projects/{{project_id}}/{PATH}/{{rotation_id}}", name=Action.ROTATIONS_READ)
def read_one(
    request: Request, runtime: RuntimeOf, project_id: ProjectPath, rotation_id: RotationPath
) -> Response:
    """One rotation: what can be done about it, and its receipt as it stands now."""
    state = _state(runtime, project_id)
    with runtime.stores.database.reading() as db:
        project = projects.get_project(db, project_id)
        [shown] = _show(db, project_id, [read_rotation(db, project_id, rotation_id)])
        stretches = read_off_hours(db, project_id, STRETCHES) if shown.is_under_way else []
    return page(
        request,
        "rotation.html",
        path=_path(project_id),
        state=state,
        shown=shown,
        stretches=stretches,
        zone=ZoneInfo(project.time_zone),
        choices={"off_hours": OFF_HOURS, "at": AT},
        entered=DateForm(OFF_HOURS if stretches else AT),
        live=_live_sessions(runtime, project_id, shown),
    )


def _path(project_id: ProjectId) -> str:
    return f"/projects/{project_id}/{PATH}"


def _secrets(db: Connection, project_id: ProjectId) -> list[SigningSecret]:
    return signing_secrets.list_secrets(db, project_id)


def _show(
    db: Connection, project_id: ProjectId, found: list[RotationWithUse]
) -> list[RotationShown]:
    secrets = _secrets(db, project_id)
    names = actors.find_names(db, {each.rotation.requested_by for each in found})
    return show_rotations(found, secrets, names)


def _state(runtime: Runtime, project_id: ProjectId) -> str:
    """Another text whenever anything about the latest rotations is another."""
    with runtime.stores.database.reading() as db:
        found = read_rotations(db, project_id, limit=MOST_WATCHED)
        used = [each.last_verified_at is not None for each in _secrets(db, project_id)]
    told = repr([(each.rotation, each.last_old_key_use) for each in found] + used)
    return sha256(told.encode()).hexdigest()[:DIGITS]


def _live_sessions(runtime: Runtime, project_id: ProjectId, shown: RotationShown) -> int | None:
    """How many sessions the cut would disconnect now; None while nobody can say."""
    if not shown.is_under_way:
        return None
    try:
        counts: Mapping[KeyId | None, int] = count_by_key(runtime.stores, project_id)
    except StorageUnavailable:
        return None
    return counts.get(shown.rotation.old_key_id, 0)
