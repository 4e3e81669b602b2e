"""Lists come in pages, and a cursor leads from each to the next."""

import base64
from itertools import chain
from typing import Any

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from tests.integration.dashboard.people import connect_widgets, new_id, sign_in
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody
from tests.integration.scenes import rotate
from tests.servers.redis import RedisServer

LISTS = ["secrets", "rotations", "visitors", "sessions", "audit"]


@pytest.fixture
def full(api: Api, redis_server: RedisServer) -> ProjectId:
    """A project with five of most things; twenty sessions."""
    project_id = api.project()
    for number in range(5):
        secret = rotate(api.stores.transactor, project_id).secret
        sign_in(api, project_id, secret, f"person-{number}")
    connect_widgets(api, redis_server.url, project_id, [new_id()] * 20)
    return project_id


def follow(caller: Caller, path: str, limit: int) -> list[list[dict[str, Any]]]:
    """Every page in its order."""
    pages, query = [], {"limit": str(limit)}
    while True:
        answer = caller.get(path, params=query)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"items", "next_cursor"}
        pages.append(answer.json()["items"])
        if answer.json()["next_cursor"] is None:
            return pages
        query["cursor"] = answer.json()["next_cursor"]


@pytest.mark.parametrize("kind", LISTS)
def test_pages_together_are_the_list(api: Api, full: ProjectId, kind: str) -> None:
    """Nothing is left out, nothing comes twice, and the last page has no cursor."""
    administrator = api.caller(Role.ADMINISTRATOR, full)
    path = f"/projects/{full}/{kind}"
    whole = administrator.get(path).json()
    assert whole["next_cursor"] is None
    assert len(whole["items"]) >= 4

    for limit in (1, 2, len(whole["items"])):
        pages = follow(administrator, path, limit)
        assert list(chain(*pages)) == whole["items"]
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert pages[-1]


def test_an_owners_projects_come_in_pages(api: Api, owner: Caller) -> None:
    """As every other list."""
    for _ in range(3):
        api.project()

    everything = [*chain(*follow(owner, "/projects", 200))]  # other tests have made some, too

    pages = follow(owner, "/projects", min(len(everything) // 3, 200))

    ids = [project["id"] for page in pages for project in page]
    assert ids == [project["id"] for project in everything]
    assert len(ids) == len(set(ids)) >= 3
    assert ids == sorted(ids)


def test_a_page_has_50_items_unless_asked_otherwise(
    api: Api, full: ProjectId, redis_server: RedisServer
) -> None:
    """And at most 200."""
    connect_widgets(api, redis_server.url, full, [new_id()] * 190)
    administrator = api.caller(Role.ADMINISTRATOR, full)

    def length(**query: Any) -> int:
        return len(administrator.get(f"/projects/{full}/sessions", params=query).json()["items"])

    assert length() == 50
    assert length(limit=51) == 51
    assert length(limit=200) == 200


@pytest.mark.parametrize("kind", LISTS)
def test_a_limit_out_of_bounds_is_refused(
    administrator: Caller, project_id: ProjectId, kind: str
) -> None:
    """422 names it."""
    for limit in ("0", "201", "-1", "x", "1.5", " 5", "5_0", "٥", "", "9" * 5000):
        answer = administrator.get(f"/projects/{project_id}/{kind}", params={"limit": limit})

        assert answer.status_code == 422, limit
        assert [each["field"] for each in error_of(answer)["details"]["fields"]] == ["limit"]


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("kind", [*LISTS, "projects"])
def test_a_cursor_not_of_this_list_is_400(
    administrator: Caller, project_id: ProjectId, kind: str
) -> None:
    """Whatever it is: made up, of another list, or not even text."""
    path = "/projects" if kind == "projects" else f"/projects/{project_id}/{kind}"
    cursors = [
        "",
        "x",
        "null",
        nobody(),
        "\0",
        "é",
        _encoded(kind),
        _encoded(f"{kind}:"),
        _encoded(f"{kind}:no id"),
        _encoded(f"{kind}:{nobody()}") + "=",
        _encoded(f"{kind}:{nobody()}:{nobody()}"),
        _encoded(f"other:{nobody()}"),
    ]

    for cursor in cursors:
        answer = administrator.get(path, params={"cursor": cursor})
        assert answer.status_code == 400, (cursor, answer.text)
        assert error_of(answer)["code"] == "cursor_invalid"


def test_a_cursor_far_too_long_is_422(administrator: Caller, project_id: ProjectId) -> None:
    """Nothing is done with it."""
    answer = administrator.get(f"/projects/{project_id}/audit", params={"cursor": "x" * 201})

    assert answer.status_code == 422
