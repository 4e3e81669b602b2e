"""The audit log, whole and by what one looks for."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.ids import ProjectId, uuid7
from domain.roles import Actor, Role
from services.transactions import Transaction
from storage.sql import audit
from storage.sql.audit import AuditFilter
from tests.integration.dashboard.browsing import browsing, new_member
from tests.integration.dashboard.serving import Api, Caller, error_of

SECOND = timedelta(seconds=1)


@pytest.fixture
def written(api: Api, project_id: ProjectId) -> ProjectId:
    """A project whose log was written by three actors, one of whom was refused something."""
    for actor, action in (
        ("cli:ada", "project.changed"),
        ("cli:ada", "rotation.cancelled"),
        ("cli:adam", "project.changed"),
        ("client:x", "project.changed"),
        ("cli:ada", "access.refused"),
    ):
        api.stores.transactor.run(lambda t, a=actor, b=action: t.audit(Actor(a), b, project_id))
    return project_id


def listed(caller: Caller, project_id: ProjectId, **query: str) -> list[dict[str, Any]]:
    """The lines that the API finds."""
    answer = caller.get(f"/projects/{project_id}/audit", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 5),
        ({"action": "project.changed"}, 3),
        ({"action": "project"}, 0),
        ({"actor": "cli:ada"}, 3),
        ({"actor": "cli"}, 4),
        ({"actor": "cl%"}, 0),
        ({"actor": "cli:ada", "action": "project.changed"}, 1),
        ({"refused": "true"}, 1),
        ({"refused": "false"}, 5),
        ({"refused": "true", "actor": "cli:adam"}, 0),
        ({"since": "2000-01-01T00:00:00Z"}, 5),
        ({"since": "2999-01-01T00:00:00Z"}, 0),
        ({"until": "2999-01-01T00:00:00Z"}, 5),
        ({"until": "0001-01-01T00:00:00Z"}, 0),
    ],
)
def test_lines_are_found_by_what_is_known_of_them(
    api: Api, written: ProjectId, query: dict[str, str], found: int
) -> None:
    """By action, actor or kind of actor, time, refusal, and any of them together."""
    administrator = api.caller(Role.ADMINISTRATOR, written)

    items = listed(administrator, written, **query)

    # The key that asks was issued in this project, which is a line, too.
    assert len([item for item in items if item["action"] != "api_key.issued"]) == found


def test_a_stretch_of_time_has_its_first_moment_and_not_its_last(
    api: Api, project_id: ProjectId
) -> None:
    """`since` is in it, `until` is not."""
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for n in range(4):
        api.stores.transactor.run(lambda t, n=n: write_at(t, project_id, noon + n * SECOND))

    with api.stores.database.reading() as db:
        wanted = AuditFilter(since=noon + SECOND, until=noon + 3 * SECOND)
        found = audit.list_audit(db, project_id, limit=10, wanted=wanted)

    assert [entry.at for entry in found] == [noon + 2 * SECOND, noon + SECOND]


def write_at(transaction: Transaction, project_id: ProjectId, at: datetime) -> None:
    """A line of that time."""
    id_ = uuid7(at, os.urandom(10))
    audit.record(transaction.db, id_, at, Actor("cli:ada"), "project.changed", project_id)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-01-01"}, "until"),
        ({"refused": "yes"}, "refused"),
        ({"action": "project\0"}, "action"),
        ({"actor": "cli:\n"}, "actor"),
    ],
)
def test_a_filter_that_is_none_is_told(
    administrator: Caller, project_id: ProjectId, query: dict[str, str], field: str
) -> None:
    """422, naming it."""
    answer = administrator.get(f"/projects/{project_id}/audit", params=query)

    assert answer.status_code == 422
    assert [each["field"] for each in error_of(answer)["details"]["fields"]] == [field]


def test_who_and_what_one_looks_for_can_be_chosen(api: Api, project_id: ProjectId) -> None:
    """An owner who did something here, and whatever stands in the address."""
    owner = new_member(api, Role.OWNER)
    act = Actor(f"member:{owner.id}")
    api.stores.transactor.run(lambda t: t.audit(act, "project.changed", project_id))
    path = f"/projects/{project_id}/audit"
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        page = browser.get(path).text
        narrowed = browser.get(path, params={"actor": act.name}).text
        unknown = browser.get(path, params={"action": "moon.eaten"}).text

    chosen = f'<option value="{act.name}"'
    assert f"{chosen}>{owner.email}</option>" in page
    assert f"{chosen} selected>{owner.email}</option>" in narrowed
    assert '<option value="moon.eaten" selected>moon.eaten</option>' in unknown
    assert "Nothing found" in unknown


def test_nobody_is_named_who_has_nothing_to_do_with_the_project(
    api: Api, project_id: ProjectId
) -> None:
    """Asking for the id of somebody else's member does not tell their address."""
    stranger = new_member(api, Role.AGENT, api.project())
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        answer = browser.get(
            f"/projects/{project_id}/audit", params={"actor": f"member:{stranger.id}"}
        )

    assert answer.status_code == 200
    assert stranger.id in answer.text
    assert stranger.email not in answer.text
