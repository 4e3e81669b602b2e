"""Every route × every role × nobody, by the one table; and other people's projects."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from dashboard.authorisation import GuardedRoute
from dashboard.pages.local_paths import sign_in_path
from dashboard.pages.page_routes import PageRoute
from dashboard.runtime import REFUSALS_A_MINUTE
from dashboard.wire import API_PREFIX
from domain.ids import ProjectId
from domain.permissions import PERMISSIONS, Action
from domain.roles import Role
from services.member_sign_ins import sign_in
from storage.sql.audit import AuditEntry, list_audit
from tests.integration.dashboard.browsing import Browsing, browsing, new_member
from tests.integration.dashboard.conftest import on_usual_kinds
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody

PUBLIC = {"document.read"}
PUBLIC_PAGES = {
    *("sign_in.read", "sign_in.create", "sign_out.create", "static.read"),
    *("invitation.read", "invitation.open", "invitation.accept"),
}
# After these nobody is signed in any more.
ENDING = {"/account/sign-out-everywhere"}
IN_A_PROJECT = (Role.ADMINISTRATOR, Role.OPERATOR, Role.AGENT)
NOTHING = nobody()
BODIES: dict[Action, dict[str, Any]] = {
    Action.PROJECTS_CREATE: {"name": "Bakery"},
    Action.PROJECTS_CHANGE: {"name": "Bakery"},
    Action.SECRETS_CREATE: {},
    Action.ROTATIONS_CHANGE: {"pinned": True},
    Action.ROTATION_POLICY_CHANGE: {"every_days": 90},
    Action.TOKENS_INSPECT: {"token": "eyJ"},
    Action.MESSAGES_SEND: {"text": "Hello"},
    Action.MEMBERS_ADD: {"email": "joan@example.com", "role": "agent"},
    Action.API_KEYS_CREATE: {"name": "Nightly report", "role": "agent"},
}


def routes_of(api: Api) -> list[APIRoute]:
    """Every route there is."""
    routes: list[APIRoute] = api.dashboard.app.state.routes
    return routes


def guarded(api: Api, prefix: str = "") -> Iterator[tuple[Action, str, str]]:
    """Every guarded route's action, method and path, below /api/v1 unless asked otherwise."""
    for route in routes_of(api):
        if route.name not in PUBLIC:
            for method in route.methods or ():
                yield Action(route.name), method, prefix + route.path.removeprefix(API_PREFIX)


def pages_of(api: Api) -> list[APIRoute]:
    """Every page and every form there is."""
    pages: list[APIRoute] = api.dashboard.app.state.pages
    return pages


def pages(api: Api) -> Iterator[tuple[Action, str, str]]:
    """Every page's and every form's action, method and path, but those for everybody."""
    for page in pages_of(api):
        if page.name not in PUBLIC_PAGES:
            for method in page.methods or ():
                yield Action(page.name), method, page.path


def filled(path: str, project: str) -> str:
    """The path to that project, and to nothing in it."""
    return re.sub(r"\{[a-z_]+\}", NOTHING, path.replace("{project_id}", project))


def browse(
    browser: Browsing, action: Action, method: str, path: str, project: str
) -> httpx.Response:
    """The answer to a member's request about that project, with all that our pages send."""
    token = {"X-CSRF-Token": browser.csrf_token}
    is_api = path.startswith(API_PREFIX)
    body = {"json": BODIES[action]} if is_api and action in BODIES else {}
    return browser.client.request(method, filled(path, project), headers=token, **body)


def ask(caller: Caller, action: Action, method: str, path: str, project: str) -> httpx.Response:
    """The answer to a well-formed request about that project."""
    body = {"json": BODIES[action]} if action in BODIES else {}
    return caller(method, filled(path, project), **body)


def refusals_in(api: Api, project_id: ProjectId) -> list[AuditEntry]:
    """What the project's audit log says was refused."""
    with api.stores.database.reading() as db:
        entries = list_audit(db, project_id, limit=100)
    return [entry for entry in entries if entry.action == "access.refused"]


def test_every_route_stands_in_the_table(api: Api) -> None:
    """A route that nobody decided about is not served."""
    served = [
        route for route in api.dashboard.app.routes if getattr(route, "original_router", None)
    ]
    listed = routes_of(api)

    assert len(served) == len(api.dashboard.app.routes)
    assert {route.name for route in listed if not isinstance(route, GuardedRoute)} == PUBLIC
    decided = {action for action, _, _ in guarded(api)} | {a for a, _, _ in pages(api)}
    assert decided == set(PERMISSIONS) - {
        Action.DEVICES_IDENTIFY  # decides about a member of an answer
    }


def test_every_page_stands_in_the_table(api: Api) -> None:
    """A page that nobody decided about is not served."""
    listed = pages_of(api)

    assert {page.name for page in listed if not isinstance(page, PageRoute)} == PUBLIC_PAGES
    assert not [page.path for page in listed if page.include_in_schema]


def test_every_route_but_three_is_about_a_named_project(api: Api) -> None:
    """Where the path names no project, nothing keeps a caller to their own but the route itself."""
    unnamed = {action for action, _, path in guarded(api) if "/{project_id}" not in path}

    assert unnamed == {Action.PROJECTS_CREATE, Action.PROJECTS_LIST, Action.SYSTEM_READ}


def test_a_route_without_an_action_cannot_be_made() -> None:
    """Forgetting the table is found when the program starts."""
    with pytest.raises(ValueError, match=r"nobody\.decided"):
        GuardedRoute("/x", lambda: None, name="nobody.decided")


@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_the_table_says(api: Api, role: Role) -> None:
    """Allowed is answered, anything else is 403 and stands in the audit log."""
    project_id = api.project()
    caller = api.caller(role, None if role is Role.OWNER else project_id)
    refused = []

    for action, method, path in guarded(api):
        answer = ask(caller, action, method, path, project_id)
        assert answer.status_code < 500, (path, answer.text)
        if role in PERMISSIONS[action]:
            assert answer.status_code not in (401, 403, 405, 422), (action, answer.text)
        else:
            assert answer.status_code == 403, (action, answer.text)
            assert error_of(answer)["code"] == "access_refused"
            refused.append({"action": action, "route": f"{method} {API_PREFIX}{path}"})

    audited = refusals_in(api, project_id)
    assert [entry.details for entry in reversed(audited)] == refused
    assert {entry.source for entry in audited} <= {"127.0.0.1"}


@on_usual_kinds
@pytest.mark.parametrize("role", Role)
def test_each_member_may_what_the_table_says(api: Api, role: Role) -> None:
    """With a cookie as with a key, on pages as in the API; a refused page is one to read."""
    project_id = api.project()
    routes = sorted((*guarded(api, API_PREFIX), *pages(api)), key=lambda route: route[2] in ENDING)
    refused = 0

    for start in range(0, len(routes), REFUSALS_A_MINUTE):  # somebody else each time
        with browsing(api, new_member(api, role, project_id)) as browser:
            for action, method, path in routes[start : start + REFUSALS_A_MINUTE]:
                answer = browse(browser, action, method, path, project_id)
                assert answer.status_code < 500, (path, answer.text)
                if role in PERMISSIONS[action]:
                    assert answer.status_code not in (401, 403, 405), (path, answer.text)
                    assert "/sign-in?" not in answer.headers.get("location", ""), path
                    continue
                refused += 1
                assert answer.status_code == 403, (action, path, answer.text)
                assert ("<html" in answer.text) is (not path.startswith(API_PREFIX)), path

    assert len(refusals_in(api, project_id)) == (0 if role is Role.OWNER else refused)


def test_without_a_sign_in_every_page_leads_to_it(api: Api, project_id: ProjectId) -> None:
    """And from there back to where one wanted to be; forms lead home."""
    with browsing(api) as browser:
        for action, method, template in pages(api):
            path = filled(template, project_id)
            answer = browse(browser, action, method, path, project_id)
            assert answer.status_code == 303, path
            location = answer.headers["location"]
            wanted = path if method == "GET" else "/"
            assert location == sign_in_path(wanted), path


@on_usual_kinds
@pytest.mark.parametrize("role", IN_A_PROJECT)
def test_pages_of_other_projects_do_not_exist(api: Api, project_id: ProjectId, role: Role) -> None:
    """404 for somebody else's project as for one that is none."""
    others = api.project()

    within = [page for page in pages(api) if "{project_id}" in page[2]]
    for number, (action, method, path) in enumerate(within):
        if number % 20 == 0:  # refusals are limited by member
            token = sign_in(api.stores.transactor, [new_member(api, role, project_id)])
        with browsing(api) as browser:
            browser.hold(token)
            foreign = browse(browser, action, method, path, others)
            missing = browse(browser, action, method, path, nobody())
        assert foreign.status_code == missing.status_code == 404, path


def test_nobody_may_anything(api: Api, project_id: ProjectId) -> None:
    """Without a key every route is 401, and says no more."""
    stranger = api.caller_with(None)

    for action, method, path in guarded(api):
        answer = ask(stranger, action, method, path, project_id)
        assert answer.status_code == 401, action
        assert error_of(answer)["details"] == {}
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", IN_A_PROJECT)
def test_other_projects_do_not_exist(api: Api, project_id: ProjectId, role: Role) -> None:
    """Somebody else's project is answered as one that does not exist, whatever is asked of it.

    The attempt stands in the audit log of the caller's own project.
    """
    others = api.project()
    before = _audit(api, others)
    tried = 0

    for action, method, path in guarded(api):
        if "{project_id}" not in path:
            continue
        caller = api.caller(role, project_id)  # a fresh key each: refusals are limited by key
        tried += 2
        foreign = ask(caller, action, method, path, others)
        missing = ask(caller, action, method, path, nobody())
        assert foreign.status_code == missing.status_code == 404, action
        assert error_of(foreign) == error_of(missing)
        assert error_of(foreign)["code"] == "project_not_found"

    assert _audit(api, others) == before
    assert len(refusals_in(api, project_id)) == min(tried, 100)


@on_usual_kinds
def test_an_owner_is_told_what_does_not_exist(api: Api) -> None:
    """For an owner, too, a missing project is 404, and an id that is none is no failure."""
    for action, method, path in guarded(api):
        if "{project_id}" not in path:
            continue
        owner = api.caller(Role.OWNER)  # a fresh key each: refusals are limited by key
        for project in (nobody(), "%00", "x" * 500, "018F0000-0000-7000-8000-000000000000"):
            answer = ask(owner, action, method, path, project)
            assert answer.status_code == 404, (action, project, answer.text)
            assert error_of(answer)["code"].endswith("_not_found")


@pytest.mark.parametrize("path", ["rotations", "visitors"])
def test_things_of_another_project_are_not_found_in_mine(
    api: Api, administrator: Caller, project_id: ProjectId, path: str
) -> None:
    """An id of another project, asked for in one's own, is 404; as is any other text."""
    for thing in (nobody(), "%00", "%F0%9F%98%80", "x" * 500):
        answer = administrator.get(f"/projects/{project_id}/{path}/{thing}")
        assert answer.status_code == 404, answer.text
        assert error_of(answer)["code"] == f"{path[:-1]}_not_found"


def test_who_collects_refusals_has_to_wait(api: Api, project_id: ProjectId) -> None:
    """Every 403 is audited, and the audit log cannot be flooded: then it is 429."""
    agent = api.caller(Role.AGENT, project_id)

    answers = [agent.get(f"/projects/{project_id}/audit") for _ in range(62)]

    assert [answer.status_code for answer in answers] == [403] * 60 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) in range(1, 61)
    assert agent.get(f"/projects/{project_id}/visitors").status_code == 200


def _audit(api: Api, project_id: ProjectId) -> list[AuditEntry]:
    with api.stores.database.reading() as db:
        return list_audit(db, project_id, limit=100)
