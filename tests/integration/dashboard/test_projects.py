"""Projects: made by owners, changed by administrators, seen by their own."""

from itertools import chain
from typing import Any

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from storage.redis import keys
from tests.integration.dashboard.serving import Api, Caller, error_of
from tests.integration.dashboard.test_lists import follow

DEFAULT_POLICY = {
    "preset": "default",
    "require_exp": True,
    "max_lifetime_seconds": 600,
    "leeway_seconds": 120,
    "proof_seconds": 43200,
    "custom_id_claim": None,
}
HOURS = {
    "weekly": {
        **{day: [] for day in ("mon", "tue", "wed", "thu", "fri", "sat")},
        "sun": [["22:00", "02:00"]],
    },
    "exceptions": [],
}
DEFAULT_LIMITS = {
    "connects_per_address": 1200,
    "sign_ins_per_socket": 30,
    "messages_per_socket": 60,
}


def test_a_new_project_has_the_defaults(api: Api, owner: Caller) -> None:
    """And a card, so that widgets can connect at once."""
    answer = owner.post("/projects", json={"name": " Bakery ", "time_zone": "Europe/Rome"})

    assert answer.status_code == 201
    project = answer.json()
    assert project == {
        "id": project["id"],
        "name": "Bakery",
        "time_zone": "Europe/Rome",
        "operating_hours": None,
        "token_policy": DEFAULT_POLICY,
        "allowed_origins": [],
        "limits": DEFAULT_LIMITS,
        "created_at": project["created_at"],
    }
    assert owner.get(f"/projects/{project['id']}").json() == project
    assert api.stores.redis.hget(keys.card(project["id"]), "epoch") == b"1"


def test_everybody_sees_their_own_project_only(api: Api, project_id: ProjectId) -> None:
    """An owner sees all."""
    others = api.project()
    administrator = api.caller(Role.ADMINISTRATOR, project_id)

    mine = administrator.get("/projects").json()["items"]
    everybodys = chain(*follow(api.caller(Role.OWNER), "/projects", 200))

    assert [project["id"] for project in mine] == [project_id]
    assert {project_id, others} <= {project["id"] for project in everybodys}


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"name": "Café"}, {"name": "Café"}),
        ({"time_zone": "Asia/Kolkata"}, {"time_zone": "Asia/Kolkata"}),
        ({"operating_hours": None}, {"operating_hours": None}),
        (
            {"operating_hours": {"weekly": {"sun": [["22:00", "02:00"]]}}},
            {"operating_hours": HOURS},
        ),
        ({}, {}),
        (
            {"token_policy": {"leeway_seconds": 5}},
            {"token_policy": {**DEFAULT_POLICY, "leeway_seconds": 5}},
        ),
        (
            {"token_policy": {"custom_id_claim": "user_id"}},
            {"token_policy": {**DEFAULT_POLICY, "custom_id_claim": "user_id"}},
        ),
        (
            {"token_policy": {"preset": "tiledesk", "max_lifetime_seconds": None}},
            {
                "token_policy": {
                    **DEFAULT_POLICY,
                    "preset": "tiledesk",
                    "require_exp": False,
                    "max_lifetime_seconds": None,
                }
            },
        ),
        (
            {"allowed_origins": ["HTTPS://Shop.Example:443", "http://localhost:3000"]},
            {"allowed_origins": ["https://shop.example", "http://localhost:3000"]},
        ),
        (
            {"limits": {"sign_ins_per_socket": 3}},
            {"limits": {**DEFAULT_LIMITS, "sign_ins_per_socket": 3}},
        ),
    ],
)
def test_what_is_given_changes_and_nothing_else(
    administrator: Caller, project_id: ProjectId, change: dict[str, Any], seen: dict[str, Any]
) -> None:
    """One member at a time, down to the members of members."""
    before = administrator.get(f"/projects/{project_id}").json()

    answer = administrator.patch(f"/projects/{project_id}", json=change)

    assert answer.status_code == 200
    assert answer.json() == {**before, **seen}
    assert administrator.get(f"/projects/{project_id}").json() == answer.json()


def test_gateways_hear_of_a_change(api: Api, administrator: Caller, project_id: ProjectId) -> None:
    """The card in Redis has it when the answer comes."""
    administrator.patch(
        f"/projects/{project_id}", json={"allowed_origins": ["https://shop.example"]}
    )

    card = api.stores.redis.hget(keys.card(project_id), "card")
    assert card is not None
    assert b"https://shop.example" in card


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"operating_hours": {"weekly": {"mon": [["9:00", "17:00"]]}}}, "operating_hours"),
        ({"operating_hours": {}}, "operating_hours"),
        ({"operating_hours": False}, "operating_hours"),
        ({"name": None}, "name"),
        ({"time_zone": None}, "time_zone"),
        ({"token_policy": None}, "token_policy"),
        ({"token_policy": {"preset": "lax"}}, "token_policy.preset"),
        ({"token_policy": {"require_exp": "no"}}, "token_policy.require_exp"),
        ({"token_policy": {"leeway_seconds": 601}}, "token_policy.leeway_seconds"),
        ({"token_policy": {"leeway_seconds": True}}, "token_policy.leeway_seconds"),
        ({"token_policy": {"max_lifetime_seconds": 0}}, "token_policy.max_lifetime_seconds"),
        ({"token_policy": {"proof_seconds": 1.5}}, "token_policy.proof_seconds"),
        ({"token_policy": {"custom_id_claim": ""}}, "token_policy.custom_id_claim"),
        ({"token_policy": {"leeway": 5}}, "token_policy.leeway"),
        ({"allowed_origins": None}, "allowed_origins"),
        ({"allowed_origins": ["shop.example"]}, "allowed_origins"),
        ({"allowed_origins": ["https://\ud800"]}, "allowed_origins"),
        ({"allowed_origins": ["https://a.example"] * 101}, "allowed_origins"),
        ({"allowed_origins": [5]}, "allowed_origins.0"),
        ({"limits": {"connects_per_address": 0}}, "limits.connects_per_address"),
        ({"limits": {"connects_per_address": 10**30}}, "limits.connects_per_address"),
        ({"limits": {"connects_per_address": None}}, "limits.connects_per_address"),
        ({"limits": {"connects": 5}}, "limits.connects"),
        ({"epoch": 9}, "epoch"),
        ({"id": "x"}, "id"),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(
    administrator: Caller, project_id: ProjectId, change: dict[str, Any], field: str
) -> None:
    """422 names the member; what was good beside it is not done either."""
    answer = administrator.patch(f"/projects/{project_id}", json={"name": "Changed", **change})

    assert answer.status_code == 422, answer.text
    assert [each["field"] for each in error_of(answer)["details"]["fields"]] == [field]
    assert administrator.get(f"/projects/{project_id}").json()["name"] == "Shop"


def test_changes_stand_in_the_audit_log(administrator: Caller, project_id: ProjectId) -> None:
    """Which members, by whom, from where; a request that changed nothing leaves no line."""
    administrator.patch(f"/projects/{project_id}", json={"name": "Bakery", "time_zone": "UTC"})
    administrator.patch(f"/projects/{project_id}", json={})

    entries = administrator.get(f"/projects/{project_id}/audit").json()["items"]

    changes = [entry for entry in entries if entry["action"] == "project.changed"]
    assert [entry["details"] for entry in changes] == [{"members": ["name", "time_zone"]}]
    assert changes[0]["actor"].startswith("api_key:")
    assert changes[0]["source"] == "127.0.0.1"
