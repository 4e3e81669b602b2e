"""A form of before a change puts nothing back: whoever sends it is told, and may decide anew."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.project_settings import SettingsChanged, version_of
from domain.roles import Role
from services.projects import change_project
from storage.sql import projects
from tests.integration.dashboard.browsing import Browsing, browsing, new_member
from tests.integration.dashboard.forms import Fields, fields_of
from tests.integration.dashboard.serving import Api, Caller
from tests.integration.scenes import ADMINISTRATOR, rotate

STRICT = {"preset": "tiledesk", "require_exp": True, "max_lifetime_seconds": 300}
OFFICE = {"weekly": {"mon": [["09:00", "17:00"]]}}
LATE = "Somebody was faster"


@pytest.fixture
def browser(api: Api, project_id: ProjectId) -> Iterator[Browsing]:
    """An administrator's."""
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        yield browser


def open_form(browser: Browsing, path: str, action: str | None = None) -> Fields:
    """The form as the page holds it now."""
    return fields_of(browser.get(path).text, action or path)


def send(browser: Browsing, path: str, fields: Fields, **typed: str) -> httpx.Response:
    """The answer to the form, with what was typed in it."""
    return browser.client.post(path, data={**fields, **typed})


@pytest.mark.parametrize(
    ("part", "theirs", "typed", "told"),
    [
        ("tokens", {"token_policy": STRICT}, {"leeway_seconds": "60"}, "Longest lifetime"),
        (
            "origins",
            {"allowed_origins": ["https://a.example"]},
            {"allowed_origins": "https://b.example"},
            "https://b.example",
        ),
        (
            "limits",
            {"limits": {"sign_ins_per_socket": 3}},
            {"messages_per_socket": "9"},
            "Messages of one widget",
        ),
    ],
)
def test_settings_that_a_colleague_has_changed_stay(
    administrator: Caller,
    browser: Browsing,
    project_id: ProjectId,
    part: str,
    theirs: dict[str, Any],
    typed: dict[str, str],
    told: str,
) -> None:
    """409 shows theirs, and what was entered; by the page that shows theirs it can be saved."""
    page, action = (f"/projects/{project_id}/settings{end}" for end in ("", f"/{part}"))
    before = open_form(browser, page, action)
    changed = administrator.patch(f"/projects/{project_id}", json=theirs).json()

    late = send(browser, action, before, **typed)

    assert late.status_code == 409
    assert LATE in late.text
    assert told in late.text.partition('<form method="post" action="/projects/')[0]
    assert administrator.get(f"/projects/{project_id}").json() == changed
    shown = fields_of(late.text, action)
    assert shown == open_form(browser, page, action)
    assert send(browser, action, shown, **typed).status_code == 303
    assert administrator.get(f"/projects/{project_id}").json() != changed


def test_a_rotation_policy_that_a_colleague_has_set_stays(
    administrator: Caller, browser: Browsing, project_id: ProjectId
) -> None:
    """It is no setting of the project's, and is held to the same."""
    page, action = f"/projects/{project_id}/settings", f"/projects/{project_id}/settings/rotation"
    before = open_form(browser, page, action)
    path = f"/projects/{project_id}/rotation_policy"
    administrator("PUT", path, json={"every_days": 30})

    late = send(browser, action, before)

    assert late.status_code == 409
    assert LATE in late.text
    assert administrator.get(path).json()["every_days"] == 30
    assert send(browser, action, fields_of(late.text, action), every_days="").status_code == 303
    assert administrator.get(path).json()["every_days"] is None


def test_hours_that_a_colleague_has_changed_stay(
    administrator: Caller, browser: Browsing, project_id: ProjectId
) -> None:
    """409 keeps the week as entered, which can be saved once theirs was looked at."""
    path = f"/projects/{project_id}/hours"
    before = open_form(browser, path)
    theirs = {"operating_hours": OFFICE, "time_zone": "Europe/Rome"}
    changed = administrator.patch(f"/projects/{project_id}", json=theirs).json()
    typed = {"chat": "by_hours", "tue_start": "22:00", "tue_end": "02:00"}

    late = send(browser, path, before, **typed)

    assert late.status_code == 409
    assert LATE in late.text
    assert administrator.get(f"/projects/{project_id}").json() == changed
    shown = fields_of(late.text, path)
    assert (shown["tue_start"], shown["time_zone"]) == (["22:00"], ["UTC"])
    assert send(browser, path, shown).status_code == 303
    hours = administrator.get(f"/projects/{project_id}").json()["operating_hours"]
    assert (hours["weekly"]["mon"], hours["weekly"]["tue"]) == ([], [["22:00", "02:00"]])


def test_what_changed_elsewhere_is_nobodys_hindrance(
    api: Api, administrator: Caller, browser: Browsing, project_id: ProjectId
) -> None:
    """A regenerate, a name, another form: whoever is not concerned saves as ever."""
    page, action = f"/projects/{project_id}/settings", f"/projects/{project_id}/settings/tokens"
    administrator.patch(f"/projects/{project_id}", json={"operating_hours": OFFICE})
    tokens = open_form(browser, page, action)
    hours = open_form(browser, f"/projects/{project_id}/hours")
    rotate(api.stores.transactor, project_id)
    rotate(api.stores.transactor, project_id)
    theirs = {"name": "Bakery", "limits": {"sign_ins_per_socket": 3}}
    administrator.patch(f"/projects/{project_id}", json=theirs)

    assert send(browser, action, tokens, leeway_seconds="60").status_code == 303
    assert send(browser, f"/projects/{project_id}/hours", hours).status_code == 303


@pytest.mark.parametrize(
    ("place", "form", "wrong", "right"),
    [
        ("settings", "/tokens", {"leeway_seconds": "x"}, {"leeway_seconds": "60"}),
        ("settings", "/rotation", {"every_days": "x"}, {"every_days": "60"}),
        ("hours", "", {"time_zone": "Atlantis"}, {"time_zone": "UTC"}),
    ],
)
def test_what_is_put_right_is_as_old_as_before(
    administrator: Caller,
    browser: Browsing,
    project_id: ProjectId,
    place: str,
    form: str,
    wrong: dict[str, str],
    right: dict[str, str],
) -> None:
    """The page that says what is wrong shows no newer settings, and does not count as such."""
    page, action = f"/projects/{project_id}/{place}", f"/projects/{project_id}/{place}{form}"
    before = open_form(browser, page, action)
    theirs = {"token_policy": STRICT, "operating_hours": OFFICE}
    changed = administrator.patch(f"/projects/{project_id}", json=theirs).json()
    administrator("PUT", f"/projects/{project_id}/rotation_policy", json={"every_days": 30})

    refused = send(browser, action, before, **wrong)
    again = send(browser, action, fields_of(refused.text, action), **right)

    assert (refused.status_code, again.status_code) == (422, 409)
    assert administrator.get(f"/projects/{project_id}").json() == changed


def test_the_log_names_what_was_changed_of_a_policy(
    administrator: Caller, browser: Browsing, project_id: ProjectId
) -> None:
    """The form sends every field; the line tells those that are others now."""
    page, action = f"/projects/{project_id}/settings", f"/projects/{project_id}/settings/tokens"
    before = open_form(browser, page, action)
    send(browser, action, before, require_exp="", leeway_seconds="60")

    entry = administrator.get(f"/projects/{project_id}/audit").json()["items"][0]
    log = browser.get(f"/projects/{project_id}/audit").text

    changed = ["token_policy.leeway_seconds", "token_policy.require_exp"]
    assert (entry["action"], entry["details"]) == ("project.changed", {"members": changed})
    assert "token policy: leeway seconds, token policy: require exp" in log


def test_of_those_who_save_at_once_one_is_first(api: Api, project_id: ProjectId) -> None:
    """What they saw is compared under the lock; the others are told."""
    with api.stores.database.reading() as db:
        seen = version_of(projects.get_project(db, project_id), ["limits"])

    def save(messages: int) -> bool:
        changes: JsonObject = {"limits": {"messages_per_socket": messages}}
        try:
            change_project(api.stores, project_id, changes, ADMINISTRATOR, seen=seen)
        except SettingsChanged:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        was_saved = list(pool.map(save, (11, 12, 13, 14)))

    assert was_saved.count(True) == 1
    with api.stores.database.reading() as db:
        limits = projects.get_project(db, project_id).limits
    assert limits.messages_per_socket == 11 + was_saved.index(True)


@pytest.mark.parametrize(
    ("place", "form", "typed"),
    [
        ("settings", "/tokens", {"leeway_seconds": "60"}),
        ("settings", "/rotation", {"every_days": "30"}),
        ("hours", "", {"time_zone": "Europe/Rome"}),
    ],
)
def test_a_form_that_is_sent_twice_is_saved(
    browser: Browsing,
    project_id: ProjectId,
    place: str,
    form: str,
    typed: dict[str, str],
) -> None:
    """Whoever clicks twice, or did not get the first answer, is not told of somebody faster."""
    page, action = f"/projects/{project_id}/{place}", f"/projects/{project_id}/{place}{form}"
    fields = open_form(browser, page, action)

    answers = [send(browser, action, fields, **typed) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    saved = open_form(browser, page, action)
    assert {name: saved[name] for name in typed} == {name: [text] for name, text in typed.items()}
