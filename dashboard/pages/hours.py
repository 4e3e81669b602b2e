"""Operating hours: when chat is open, and so when it is offline next."""

from dataclasses import replace
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from dashboard.authorisation import CallerOf
from dashboard.pages.flash import Flash
from dashboard.pages.form_fields import Fields
from dashboard.pages.hours_forms import (
    ALWAYS_OFFLINE,
    BY_HOURS,
    DAYS,
    NEVER_OFFLINE,
    HoursForm,
)
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import exact_time, go_to, page
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ProjectPath
from domain.errors import Invalid
from domain.ids import ProjectId
from domain.operating_hours import HoursInvalid
from domain.permissions import Action
from domain.project_settings import SettingsChanged
from services.preview_hours import HoursPreview, preview_hours
from services.projects import change_project
from storage.sql import projects

PATH = "hours"
STRETCHES = 5

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.OFF_HOURS_LIST)
def read(request: Request, runtime: RuntimeOf, project_id: ProjectPath) -> Response:
    """The hours as they are, and the next times offline."""
    with runtime.stores.database.reading() as db:
        form = HoursForm.of_project(projects.get_project(db, project_id))
    return _hours_page(request, runtime, project_id, form)


@router.post(f"/projects/{{project_id}}/{PATH}", name=Action.PROJECTS_CHANGE)
def save(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    fields: Fields,
) -> Response:
    """The project has these hours; a rotation that follows them has moved."""
    form = HoursForm.of_fields(fields)
    try:
        preview = _preview(runtime, project_id, form)
        hours = form.hours()
    except Invalid as refusal:
        return _hours_page(request, runtime, project_id, form, refusal)
    changes = {"time_zone": form.time_zone, "operating_hours": hours.to_json() if hours else None}
    try:
        change_project(runtime.stores, project_id, changes, caller.actor, seen=form.version)
    except SettingsChanged as refusal:
        with runtime.stores.database.reading() as db:
            present = HoursForm.of_project(projects.get_project(db, project_id))
        # A week is not entered twice: by this page it is saved over what they now know of.
        form = replace(form, version=present.version)
        return _hours_page(request, runtime, project_id, form, refusal)
    return go_to(request, f"/projects/{project_id}/{PATH}", Flash(_saved(preview, form.time_zone)))


@router.post(f"/projects/{{project_id}}/{PATH}/preview", name=Action.PROJECTS_CHANGE)
def preview_entered(
    request: Request, runtime: RuntimeOf, project_id: ProjectPath, fields: Fields
) -> Response:
    """What the hours that are being entered would come to; nothing is set."""
    form = HoursForm.of_fields(fields)
    try:
        preview = _preview(runtime, project_id, form)
    except Invalid as refusal:
        return page(request, "hours_preview.html", fault=_sentence(refusal), preview=None, zone="")
    zone = form.zone()
    return page(request, "hours_preview.html", fault=None, preview=preview, zone=zone)


def _preview(runtime: Runtime, project_id: ProjectId, form: HoursForm) -> HoursPreview:
    hours, zone = form.hours(), form.zone()
    with runtime.stores.database.reading() as db:
        return preview_hours(db, project_id, hours, zone, STRETCHES)


def _saved(preview: HoursPreview, zone: str) -> str:
    told = "The operating hours are saved."
    for change in preview.moved:
        date = exact_time(change.due_at, zone) if change.due_at else None
        told += (
            f" The pending rotation is now due on {date}."
            if date
            else (" The pending rotation has no date any more.")
        )
    return told


def _hours_page(
    request: Request,
    runtime: Runtime,
    project_id: ProjectId,
    form: HoursForm,
    refusal: Invalid | SettingsChanged | None = None,
) -> Response:
    fault = refusal if isinstance(refusal, Invalid) else None
    return page(
        request,
        "hours.html",
        status=200 if refusal is None else 422 if fault else 409,
        base=f"/projects/{project_id}/{PATH}",
        form=form,
        days=DAYS,
        chats={"never": NEVER_OFFLINE, "hours": BY_HOURS, "always": ALWAYS_OFFLINE},
        zones=sorted(available_timezones()),
        is_late=isinstance(refusal, SettingsChanged),
        fault=_sentence(fault) if fault else None,
        preview=None if fault else _preview(runtime, project_id, form),
        zone=None if fault else form.zone(),
    )


def _sentence(refusal: Invalid) -> str:
    """With the day as people call it, instead of the member of the API."""
    field, separator, message = str(refusal).partition(": ")
    if isinstance(refusal, HoursInvalid):
        for day, name in DAYS.items():
            if f".weekly.{day}" in field:
                return f"{name}: {message}"
        return f"Exceptions: {message}"
    return message if separator else str(refusal)
