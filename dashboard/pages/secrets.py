"""Visitor authentication: the project's secrets, how one is made, and the page that shows it."""

from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request, Response

from dashboard.authorisation import Caller, CallerOf
from dashboard.pages.date_forms import (
    AT,
    NOW,
    OFF_HOURS,
    DateForm,
    read_local_time,
    show_moment,
)
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import page
from dashboard.pages.secret_forms import SecretForm
from dashboard.pages.secret_rows import show_secrets
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import KeyPath, ProjectPath
from domain.errors import Invalid, StorageUnavailable
from domain.ids import KeyId, ProjectId
from domain.permissions import Action
from domain.rotation_refusals import ChangedMeanwhile, RotationPending
from domain.signing_secrets import SecretState
from services.change_rotations import reveal
from services.read_off_hours import read_off_hours
from services.read_secrets import read_secrets
from services.read_sessions import count_by_key
from services.rotate_secret import Generated, generate
from services.rotations import load_situation
from services.transactions import Transaction
from storage.sql import actors, projects

PATH = "authentication"
STRETCHES = 3
MOST_SHOWN = 50

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]


async def _entered(
    expected: Text = "",
    when: Text = "",
    local_time: Text = "",
    reason: Text = "",
    pinned: Text = "",
    force: Text = "",
) -> SecretForm:
    return SecretForm(DateForm(when, local_time), expected, reason, bool(pinned), bool(force))


Entered = Annotated[SecretForm, Depends(_entered)]


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.SECRETS_LIST)
def read(request: Request, runtime: RuntimeOf, project_id: ProjectPath) -> Response:
    """The project's secrets, and what making another one would do."""
    return _secrets_page(request, runtime, project_id, SecretForm())


@router.get("/projects/{project_id}/moment", name=Action.OFF_HOURS_LIST)
def read_moment(
    request: Request, runtime: RuntimeOf, project_id: ProjectPath, local_time: str = ""
) -> Response:
    """What a local time of the project comes to."""
    with runtime.stores.database.reading() as db:
        zone = ZoneInfo(projects.get_project(db, project_id).time_zone)
    return page(request, "moment.html", moment=show_moment(read_local_time(local_time), zone))


@router.post(f"/projects/{{project_id}}/{PATH}", name=Action.SECRETS_CREATE)
def make_secret(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    form: Entered,
) -> Response:
    """The secret, this one time: the answer to this very form is the only page that shows it."""
    try:
        made = _generate(runtime, caller, project_id, form)
    except (Invalid, RotationPending) as refusal:
        return _secrets_page(request, runtime, project_id, form, refusal)
    except ChangedMeanwhile as refusal:
        return page(request, "secret_changed.html", status=409, path=PATH, refusal=refusal)
    return _shown_once(request, project_id, made)


@router.post(f"/projects/{{project_id}}/{PATH}/{{key_id}}/reveal", name=Action.SECRETS_REVEAL)
def reveal_waiting(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    key_id: KeyPath,
) -> Response:
    """A secret that a policy made, this one time."""
    stores = runtime.stores
    made = stores.transactor.run(
        lambda t: reveal(t, stores.sealer, project_id, key_id, caller.actor), urgent=True
    )
    return _shown_once(request, project_id, made)


def _generate(
    runtime: Runtime, caller: Caller, project_id: ProjectId, form: SecretForm
) -> Generated:
    def use_case(transaction: Transaction) -> Generated:
        situation = load_situation(transaction, project_id)
        if not form.expected and situation.find(SecretState.ACTIVE):
            raise ChangedMeanwhile  # whoever sent this saw a project without a secret
        wish = form.wish(situation.zone)
        return generate(transaction, runtime.stores.sealer, project_id, caller.actor, wish)

    return runtime.stores.transactor.run(use_case, urgent=True)


def _shown_once(request: Request, project_id: ProjectId, made: Generated) -> Response:
    return page(
        request,
        "secret_once.html",
        status=201,
        secret=made.secret,
        rotation=made.rotation,
        back=f"/projects/{project_id}/{PATH}",
    )


def _secrets_page(
    request: Request,
    runtime: Runtime,
    project_id: ProjectId,
    form: SecretForm,
    refusal: Invalid | RotationPending | None = None,
) -> Response:
    counts = _count_sessions(runtime, project_id)
    with runtime.stores.database.reading() as db:
        project = projects.get_project(db, project_id)
        found = read_secrets(db, project_id, limit=MOST_SHOWN)
        names = actors.find_names(db, {each.stored.created_by for each in found})
        stretches = read_off_hours(db, project_id, STRETCHES)
    return page(
        request,
        "secrets.html",
        status=200 if refusal is None else 409 if isinstance(refusal, RotationPending) else 422,
        path=PATH,
        shown=show_secrets(found, names, counts),
        stretches=stretches,
        zone=ZoneInfo(project.time_zone),
        choices={"now": NOW, "off_hours": OFF_HOURS, "at": AT},
        form=form,
        refusal=refusal,
        is_pending=isinstance(refusal, RotationPending),
    )


def _count_sessions(runtime: Runtime, project_id: ProjectId) -> Mapping[KeyId | None, int] | None:
    """What a cut would close; None while Redis does not answer: a leaked secret cannot wait."""
    try:
        return count_by_key(runtime.stores, project_id)
    except StorageUnavailable:
        return None
