"""API keys of a project: made, shown one time, revoked at once."""

from typing import Any

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.audit import list_audit
from storage.sql.tables import api_keys
from tests.integration.dashboard.browsing import browsing, new_member
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody

REPORT = {"name": "Nightly report", "role": "operator"}


def test_a_key_is_shown_once_and_opens_what_its_role_may(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """SQL has its digest, the list its last four; who made it and when stand beside."""
    answer = administrator.post(f"/projects/{project_id}/api_keys", json=REPORT)
    assert answer.status_code == 201, answer.text
    text, key = answer.json()["api_key"], answer.json()["key"]
    made = api.caller_with(text)

    assert made.get(f"/projects/{project_id}/rotations").status_code == 200
    assert made.get(f"/projects/{project_id}/secrets").status_code == 403
    listed = administrator.get(f"/projects/{project_id}/api_keys")
    [first, own] = listed.json()["items"]
    assert first == key
    assert (key["last_four"], key["revoked_at"]) == (text[-4:], None)
    assert key["created_by"] == f"api_key:{own['id']}"
    with api.stores.database.reading() as db:
        stored = str(db.execute(api_keys.select()).all())
        entries = list_audit(db, project_id, limit=10)
    assert text not in listed.text + stored + str(entries)
    assert "api_key.issued" in {entry.action for entry in entries}


def test_a_revoked_key_is_refused_at_once(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """It stays on the list; revoking it again changes nothing, and is no second entry."""
    answer = administrator.post(f"/projects/{project_id}/api_keys", json=REPORT).json()
    made = api.caller_with(answer["api_key"])
    path = f"/projects/{project_id}/api_keys/{answer['key']['id']}"

    assert administrator.delete(path).status_code == 204
    assert made.get("/projects").status_code == 401
    [first, _] = administrator.get(f"/projects/{project_id}/api_keys").json()["items"]
    assert administrator.delete(path).status_code == 204
    [same, _] = administrator.get(f"/projects/{project_id}/api_keys").json()["items"]

    assert first["revoked_at"]
    assert same == first
    with api.stores.database.reading() as db:
        actions = [entry.action for entry in list_audit(db, project_id, limit=10)]
    assert actions.count("api_key.revoked") == 1


def test_a_key_may_revoke_itself(administrator: Caller, project_id: ProjectId) -> None:
    """And is nothing afterwards."""
    [own] = administrator.get(f"/projects/{project_id}/api_keys").json()["items"]

    assert administrator.delete(f"/projects/{project_id}/api_keys/{own['id']}").status_code == 204
    assert administrator.get("/projects").status_code == 401


def test_links_made_with_a_revoked_key_are_over(
    api: Api, administrator: Caller, owner: Caller, project_id: ProjectId
) -> None:
    """Whoever had the key may have kept them."""
    body = {"email": "joan@example.com", "role": "administrator"}
    assert administrator.post(f"/projects/{project_id}/members", json=body).status_code == 201
    [own] = owner.get(f"/projects/{project_id}/api_keys").json()["items"]

    owner.delete(f"/projects/{project_id}/api_keys/{own['id']}")

    assert owner.get(f"/projects/{project_id}/invitations").json()["items"] == []


def test_keys_of_other_projects_are_out_of_reach(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """An id of theirs is none of mine, and an owner's key is no project's."""
    foreign = api.caller(Role.ADMINISTRATOR, others := api.project())
    [theirs] = foreign.get(f"/projects/{others}/api_keys").json()["items"]

    for key_id in (theirs["id"], nobody(), "x"):
        answer = administrator.delete(f"/projects/{project_id}/api_keys/{key_id}")
        assert (answer.status_code, error_of(answer)["code"]) == (404, "api_key_not_found")
    assert foreign.get("/projects").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "", "role": "agent"},
        {"name": " ", "role": "agent"},
        {"name": "x" * 201, "role": "agent"},
        {"name": "a\nb", "role": "agent"},
        {"name": "x", "role": "king"},
        {"name": "x", "role": 1},
    ],
)
def test_unusable_keys_are_refused(
    administrator: Caller, project_id: ProjectId, body: dict[str, Any]
) -> None:
    """422 with where it is wrong; none is made."""
    answer = administrator.post(f"/projects/{project_id}/api_keys", json=body)

    assert answer.status_code == 422, answer.text
    assert error_of(answer)["details"]["fields"]
    assert len(administrator.get(f"/projects/{project_id}/api_keys").json()["items"]) == 1


def test_a_key_is_on_the_page_that_made_it_alone(api: Api, project_id: ProjectId) -> None:
    """No redirect, no second showing; a form that is wrong comes back as it was filled in."""
    path = f"/projects/{project_id}/api-keys"
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        wrong = browser.submit(path, name=" ", role="agent")
        made = browser.submit(path, **REPORT)
        key = made.text.split('id="secret"')[1].split(">")[1].split("<")[0]
        after = browser.get(path).text

    assert wrong.status_code == 422
    assert made.status_code == 201
    assert api.caller_with(key).get("/projects").status_code == 200
    assert key not in after
    assert f"<code>{key[-4:]}</code>" in after
