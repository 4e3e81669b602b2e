"""Shared secrets: generated, regenerated, listed; and receipts of what that did."""

from datetime import datetime
from typing import Any

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from services.revoke_tokens import revoke_tokens
from storage.sql import outbox
from tests.integration.dashboard.people import connect_widgets, new_id, sign_in
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody, serving, settings_of
from tests.servers.redis import RedisServer


def generate(caller: Caller, project_id: ProjectId, **wish: Any) -> dict[str, Any]:
    """A new secret, in clear."""
    answer = caller.post(f"/projects/{project_id}/secrets", json=wish)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def secrets_of(caller: Caller, project_id: ProjectId) -> list[dict[str, Any]]:
    """The project's secrets as they are listed."""
    items: list[dict[str, Any]] = caller.get(f"/projects/{project_id}/secrets").json()["items"]
    return items


def test_the_first_secret_has_no_rotation(administrator: Caller, project_id: ProjectId) -> None:
    """It is shown once; the list shows what may be known of it."""
    made = generate(administrator, project_id)

    assert set(made) == {"secret", "key_id", "rotation"}
    assert made["rotation"] is None
    assert len(made["secret"]) == 64
    [listed] = secrets_of(administrator, project_id)
    assert listed == {
        "key_id": made["key_id"],
        "state": "active",
        "last_four": made["secret"][-4:],
        "created_at": listed["created_at"],
        "created_by": listed["created_by"],
        "due_at": None,
        "revoked_at": None,
        "last_verified_at": None,
        "last_refused_at": None,
    }
    assert listed["created_by"].startswith("api_key:")
    assert is_wire_time(listed["created_at"])


def test_no_body_means_now(administrator: Caller, project_id: ProjectId) -> None:
    """Everything about a new secret has a default."""
    answer = administrator.post(f"/projects/{project_id}/secrets")

    assert answer.status_code == 201


def test_regenerating_revokes_every_earlier_secret(
    administrator: Caller, project_id: ProjectId
) -> None:
    """The answer names the rotation, whose cut has been made."""
    first = generate(administrator, project_id)
    wish = {"retire_previous": "now", "force": True, "pinned": False, "reason": "laptop lost"}

    second = generate(administrator, project_id, **wish, expect_active_key_id=first["key_id"])

    assert second["secret"] != first["secret"]
    assert set(second["rotation"]) == {"id", "state", "due_at"}
    assert second["rotation"]["state"] == "cutting"
    assert is_wire_time(second["rotation"]["due_at"])
    new, old = secrets_of(administrator, project_id)
    assert (new["key_id"], new["state"]) == (second["key_id"], "active")
    assert (old["key_id"], old["state"]) == (first["key_id"], "revoked")
    assert old["revoked_at"] == second["rotation"]["due_at"]


def test_a_double_click_changes_nothing(administrator: Caller, project_id: ProjectId) -> None:
    """Who expects another active key than there is gets 409."""
    first = generate(administrator, project_id)
    generate(administrator, project_id, expect_active_key_id=first["key_id"])

    for expected in (first["key_id"], nobody(), "no id at all"):
        again = administrator.post(
            f"/projects/{project_id}/secrets", json={"expect_active_key_id": expected}
        )
        assert again.status_code == 409
        assert error_of(again)["code"] == "changed_meanwhile"

    assert len(secrets_of(administrator, project_id)) == 2


@pytest.mark.parametrize(
    ("wish", "code", "field"),
    [
        ({"retire_previous": "off_hours", "stretch_minutes": -1}, "invalid", "stretch_minutes"),
        ({"retire_previous": "off_hours", "not_before": "soon"}, "invalid", "not_before"),
        ({"retire_previous": "tomorrow"}, "invalid", "retire_previous"),
        ({"retire_previous": "2036-11-22T09:00:00"}, "invalid", "retire_previous"),
        ({"retire_previous": "0001-01-01T00:00:00+23:00"}, "invalid", "retire_previous"),
        ({"retire_previous": None}, "invalid", "retire_previous"),
        ({"force": "yes"}, "invalid", "force"),
        ({"pinned": 1}, "invalid", "pinned"),
        ({"reason": "x" * 501}, "invalid", "reason"),
        ({"reason": "nul\0"}, "invalid", "reason"),
        ({"reason": "\ud800"}, "invalid", "reason"),
        ({"expect_active_key_id": ""}, "invalid", "expect_active_key_id"),
        ({"retire": "now"}, "invalid", "retire"),
    ],
)
def test_what_cannot_be_done_is_refused_whole(
    administrator: Caller, project_id: ProjectId, wish: dict[str, Any], code: str, field: str
) -> None:
    """422 with a sentence; no secret has been made."""
    answer = administrator.post(f"/projects/{project_id}/secrets", json=wish)

    assert answer.status_code == 422, answer.text
    error = error_of(answer)
    assert error["code"] == code
    assert [each["field"] for each in error["details"]["fields"]] == [field]
    assert secrets_of(administrator, project_id) == []


def test_a_receipt_says_what_a_rotation_did(
    api: Api, administrator: Caller, project_id: ProjectId, redis_server: RedisServer
) -> None:
    """Sessions found, nodes asked, last uses of the old key: in exactly this form."""
    first = generate(administrator, project_id)
    ada = sign_in(api, project_id, first["secret"], "ada").visitor_id
    connect_widgets(api, redis_server.url, project_id, [ada, ada], generation=1)
    rotation_id = generate(administrator, project_id)["rotation"]["id"]
    [event] = _undone(api, project_id)

    revoke_tokens(api.stores, event.event_id, project_id, rotation_id)

    receipt = administrator.get(f"/projects/{project_id}/rotations/{rotation_id}").json()
    assert receipt == {
        "id": rotation_id,
        "state": "completed",
        "how": "now",
        "pinned": False,
        "forced": False,
        "old_key_id": first["key_id"],
        "new_key_id": receipt["new_key_id"],
        "requested_at": receipt["requested_at"],
        "due_at": receipt["due_at"],
        "moved_because": None,
        "moved_at": None,
        "effective_at": receipt["effective_at"],
        "completed_at": receipt["completed_at"],
        "sessions": {"targeted": 2, "closed": 0, "gone": 2},
        "nodes": {"asked": 0, "answered": 0, "expired": []},
        "last_old_key_use": {
            "accepted_at": receipt["last_old_key_use"]["accepted_at"],
            "refused_at": None,
        },
    }
    for name in ("requested_at", "due_at", "effective_at", "completed_at"):
        assert is_wire_time(receipt[name])
    assert is_wire_time(receipt["last_old_key_use"]["accepted_at"])
    listed = administrator.get(f"/projects/{project_id}/rotations").json()
    assert listed == {"items": [receipt], "next_cursor": None}


def test_the_impact_is_counted_by_key(
    api: Api, administrator: Caller, project_id: ProjectId, redis_server: RedisServer
) -> None:
    """What revoking would cut, and whom it would leave alone."""
    key_id = generate(administrator, project_id)["key_id"]
    assert administrator.get(f"/projects/{project_id}/impact").json() == {
        "by_key": {"anonymous": 0}
    }

    connect_widgets(api, redis_server.url, project_id, [new_id()] * 3)
    connect_widgets(api, redis_server.url, project_id, [new_id()] * 2, generation=1)

    assert administrator.get(f"/projects/{project_id}/impact").json() == {
        "by_key": {"anonymous": 3, key_id: 2}
    }


def test_another_projects_rotation_is_not_found(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Its id opens it in its own project only."""
    others = api.project()
    other = api.caller(Role.ADMINISTRATOR, others)
    generate(other, others)
    rotation_id = generate(other, others)["rotation"]["id"]

    assert other.get(f"/projects/{others}/rotations/{rotation_id}").status_code == 200
    mine = administrator.get(f"/projects/{project_id}/rotations/{rotation_id}")
    assert mine.status_code == 404
    assert error_of(mine)["code"] == "rotation_not_found"


def test_a_broker_that_is_away_delays_nobody(
    kept_database_url: str, redis_server: RedisServer
) -> None:
    """The secret is shown all the same; the relay sends the event later."""
    settings = settings_of(kept_database_url, redis_server.url, broker_url="redis://127.0.0.1:1/0")
    with serving(settings) as api:
        project_id = api.project()
        administrator = api.caller(Role.ADMINISTRATOR, project_id)
        generate(administrator, project_id)
        assert generate(administrator, project_id)["rotation"]
        [event] = _undone(api, project_id)

    assert event.payload["rotation_id"]


def is_wire_time(text: str) -> bool:
    """Whether it is ISO 8601 in UTC with milliseconds and a Z."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" == text


def _undone(api: Api, project_id: ProjectId) -> list[Any]:
    with api.stores.database.reading() as db:
        return list(outbox.list_undone_of(db, [project_id]))
