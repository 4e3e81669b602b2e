"""What a project asks of tokens, whence widgets may come, how often, and how old secrets get."""

import json

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from dashboard.authorisation import CallerOf
from dashboard.pages.flash import Flash
from dashboard.pages.form_fields import Fields
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.pages.settings_forms import CHANGES, PRESETS, days_of, policy_texts, texts_of
from dashboard.pages.settings_parts import LABELS, PARTS, Sent, versions_of
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ProjectPath
from domain.errors import Invalid
from domain.ids import ProjectId
from domain.permissions import Action
from domain.project_settings import SettingsChanged
from domain.tokens.policy import TokenPolicy
from services.projects import change_project
from services.rotation_policies import read_policy, set_policy
from storage.sql import projects

PATH = "settings"
_SAVED = {
    "tokens": "The token policy is saved.",
    "origins": "The allowed origins are saved.",
    "limits": "The limits are saved.",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.PROJECTS_READ)
def read(request: Request, runtime: RuntimeOf, project_id: ProjectPath) -> Response:
    """The settings as they are."""
    return _settings_page(request, runtime, project_id)


@router.post(f"/projects/{{project_id}}/{PATH}/rotation", name=Action.ROTATION_POLICY_CHANGE)
def save_rotation_policy(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    fields: Fields,
) -> Response:
    """A new secret is made after so many days, or only when asked for."""
    sent = _sent("rotation", fields)
    try:
        days = days_of(sent.texts)
        runtime.stores.transactor.run(
            lambda t: set_policy(t, project_id, days, caller.actor, seen=sent.version), urgent=True
        )
    except (Invalid, SettingsChanged) as refusal:
        return _settings_page(request, runtime, project_id, sent, refusal)
    return _saved(request, project_id, "The rotation policy is saved.")


@router.post(f"/projects/{{project_id}}/{PATH}/tokens", name=Action.PROJECTS_CHANGE)
@router.post(f"/projects/{{project_id}}/{PATH}/origins", name=Action.PROJECTS_CHANGE)
@router.post(f"/projects/{{project_id}}/{PATH}/limits", name=Action.PROJECTS_CHANGE)
def save(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    fields: Fields,
) -> Response:
    """The project has these settings; gateways follow within a sweep, mostly at once."""
    sent = _sent(request.url.path.rpartition("/")[2], fields)
    try:
        changes = CHANGES[sent.part](sent.texts)
        change_project(runtime.stores, project_id, changes, caller.actor, seen=sent.version)
    except (Invalid, SettingsChanged) as refusal:
        return _settings_page(request, runtime, project_id, sent, refusal)
    return _saved(request, project_id, _SAVED[sent.part])


def _sent(part: str, fields: FormData) -> Sent:
    return Sent(part, {name: text for name, text in fields.items() if isinstance(text, str)})


def _saved(request: Request, project_id: ProjectId, told: str) -> Response:
    return go_to(request, f"/projects/{project_id}/{PATH}", Flash(told))


def _settings_page(
    request: Request,
    runtime: Runtime,
    project_id: ProjectId,
    sent: Sent | None = None,
    refusal: Invalid | SettingsChanged | None = None,
) -> Response:
    """The settings as they are, or as entered where those can be put right.

    What was entered about settings that somebody has changed since is told beside them: saved once
    more by the same button, it would put the old ones back.
    """
    with runtime.stores.database.reading() as db:
        project, policy = projects.get_project(db, project_id), read_policy(db, project_id)
    stored, versions = texts_of(project, policy), versions_of(project, policy)
    is_late = isinstance(refusal, SettingsChanged)
    kept = sent if sent and not is_late else None
    if kept:
        versions[kept.part] = kept.version  # they have seen no other
    unchecked = {"require_exp": ""} if kept and kept.part == "tokens" else {}
    presets = [
        (name, title, json.dumps(policy_texts(TokenPolicy.of_preset(name))))
        for name, title in PRESETS.items()
    ]
    return page(
        request,
        "settings.html",
        status=200 if refusal is None else 409 if is_late else 422,
        base=f"/projects/{project_id}/{PATH}",
        parts=PARTS,
        labels=LABELS,
        versions=versions,
        texts={**stored, **unchecked, **(kept.texts if kept else {})},
        presets=presets,
        faults=_faults(refusal),
        is_late=is_late,
        entered=sent.otherwise_than(stored) if sent and is_late else [],
    )


def _faults(refusal: Exception | None) -> dict[str, str]:
    """What is wrong, by the field that is wrong."""
    if not isinstance(refusal, Invalid):
        return {}
    field, _, message = str(refusal).partition(": ")
    return {field.rpartition(".")[2]: message}
