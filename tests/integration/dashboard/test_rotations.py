"""Rotations through the API: planned, dated, pinned, cancelled, run, revealed; and off-hours."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import KeyId, ProjectId
from domain.roles import Role
from domain.rotation_dates import OffHours
from domain.times import from_wire, to_wire
from services.rotation_policies import run_due_policies
from services.run_due_rotations import run_due_rotations
from storage.sql.tables import projects, rotations, signing_secrets
from tests.integration.dashboard.people import sign_in
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody
from tests.integration.dashboard.test_secrets import generate, secrets_of
from tests.integration.scenes import ADMINISTRATOR, SEALER
from tests.integration.waiting_secrets import schedule_rotation

ALL_DAY = [["00:00", "00:00"]]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hours(**closed: list[list[str]]) -> dict[str, Any]:
    """Open all day, but for the weekdays given."""
    return {"weekly": {**dict.fromkeys(WEEKDAYS, ALL_DAY), **closed}, "exceptions": []}


def later(**distance: float) -> str:
    """A time from now, as it is given."""
    return to_wire(datetime.now(UTC) + timedelta(**distance))


def _in_three_days(zone: str) -> str:
    """The name of a weekday there that neither is today nor begins while a test runs."""
    return WEEKDAYS[(datetime.now(ZoneInfo(zone)) + timedelta(days=3)).weekday()]


@pytest.fixture
def operator(api: Api, project_id: ProjectId) -> Caller:
    """Who plans, and sees no secrets."""
    return api.caller(Role.OPERATOR, project_id)


def rotation_of(caller: Caller, project_id: ProjectId, rotation_id: str) -> dict[str, Any]:
    """The rotation as it is shown."""
    shown: dict[str, Any] = caller.get(f"/projects/{project_id}/rotations/{rotation_id}").json()
    return shown


def refused(answer: httpx.Response, status: int, code: str) -> None:
    """It was refused, as expected."""
    assert (answer.status_code, error_of(answer)["code"]) == (status, code), answer.text


def test_a_planned_rotation_from_afternoon_to_cut(
    api: Api, administrator: Caller, operator: Caller, project_id: ProjectId
) -> None:
    """Both secrets verify meanwhile; guarded until the new one is used; then cut, and over."""
    first = generate(administrator, project_id)
    due_at = later(hours=8)

    second = generate(administrator, project_id, retire_previous=due_at, reason="spring")

    rotation = second["rotation"]
    assert (rotation["state"], rotation["due_at"]) == ("overlapping", due_at)
    new, old = secrets_of(administrator, project_id)
    assert (new["state"], new["due_at"]) == ("active", None)
    assert (old["state"], old["due_at"]) == ("retiring", due_at)
    for made in (first, second):
        assert sign_in(api, project_id, made["secret"], f"{made['key_id']}").visitor_id
    path = f"/projects/{project_id}/rotations/{rotation['id']}"
    answer = operator.post(f"{path}/run")

    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "cutting"
    assert answer.json()["effective_at"] == answer.json()["due_at"]
    [_, old] = secrets_of(administrator, project_id)
    assert old["state"] == "revoked"
    for again in (operator.post(f"{path}/run"), operator("DELETE", path)):
        refused(again, 409, "rotation_over")


def test_an_unused_new_secret_guards_the_cut(
    administrator: Caller, operator: Caller, project_id: ProjectId
) -> None:
    """409 unless forced."""
    generate(administrator, project_id)
    rotation = generate(administrator, project_id, retire_previous=later(hours=8))["rotation"]
    path = f"/projects/{project_id}/rotations/{rotation['id']}/run"

    refused(operator.post(path), 409, "new_secret_unused")
    refused(operator.post(path, json={"force": False}), 409, "new_secret_unused")
    forced = operator.post(path, json={"force": True})

    assert (forced.status_code, forced.json()["state"]) == (200, "cutting")
    assert forced.json()["forced"] is True


def test_a_guarded_cut_is_postponed_until_the_secret_is_used(
    api: Api, administrator: Caller, operator: Caller, project_id: ProjectId
) -> None:
    """It says why and since when, and is cut by nobody; used, it is cut at its next date."""
    generate(administrator, project_id)
    made = generate(administrator, project_id, retire_previous=later(hours=8))
    rotation_id = made["rotation"]["id"]
    path = f"/projects/{project_id}/rotations/{rotation_id}"
    was_due = _fall_due(api, rotation_id)

    run_due_rotations(api.stores)

    postponed = operator.get(path).json()

    assert postponed["state"] == "overlapping"
    assert postponed["moved_because"] == "new_secret_unused"
    assert was_due <= postponed["moved_at"] <= to_wire(datetime.now(UTC))
    assert from_wire(postponed["due_at"]) > datetime.now(UTC) + timedelta(hours=22)
    assert secrets_of(administrator, project_id)[1]["state"] == "retiring"
    events = operator.get(f"/projects/{project_id}/events").json()["items"]
    assert events[-1]["kind"] == "RotationPostponed"
    assert events[-1]["payload"]["because"] == "new_secret_unused"
    sign_in(api, project_id, made["secret"], "ada")
    operator.patch(path, json={"retire_previous": later(hours=8)})
    was_due = _fall_due(api, rotation_id)
    run_due_rotations(api.stores)
    cut = operator.get(path).json()
    assert (cut["state"], cut["moved_because"], cut["moved_at"]) == ("cutting", None, None)
    assert cut["effective_at"] >= cut["due_at"] == was_due


def test_a_second_plan_needs_force(administrator: Caller, project_id: ProjectId) -> None:
    """A lost response is repaired by force: the old secret keeps retiring, for the new date."""
    generate(administrator, project_id)
    lost = generate(administrator, project_id, retire_previous=later(hours=8))
    path = f"/projects/{project_id}/secrets"

    refused(
        administrator.post(path, json={"retire_previous": later(hours=9)}), 409, "rotation_pending"
    )
    found = generate(administrator, project_id, retire_previous=later(hours=9), force=True)

    assert [one["state"] for one in secrets_of(administrator, project_id)] == [
        "active",
        "revoked",
        "retiring",
    ]
    assert rotation_of(administrator, project_id, lost["rotation"]["id"])["state"] == "superseded"
    assert found["rotation"]["state"] == "overlapping"


def test_a_rotation_is_cancelled_and_dated_again(
    administrator: Caller, operator: Caller, project_id: ProjectId
) -> None:
    """Without a date both secrets stay valid; a second cancel changes nothing."""
    generate(administrator, project_id)
    rotation = generate(administrator, project_id, retire_previous=later(hours=8))["rotation"]
    path = f"/projects/{project_id}/rotations/{rotation['id']}"

    for _ in range(2):
        cancelled = operator("DELETE", path).json()
        assert (cancelled["state"], cancelled["due_at"]) == ("cancelled", None)
    assert secrets_of(administrator, project_id)[1]["state"] == "retiring"
    due_at = later(days=2)
    dated = operator.patch(path, json={"retire_previous": due_at, "pinned": True}).json()

    assert (dated["state"], dated["due_at"], dated["pinned"]) == ("overlapping", due_at, True)
    unchanged = operator.patch(path, json={})
    assert unchanged.json() == dated


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"retire_previous": "now"}, "invalid"),
        ({"retire_previous": "2020-01-01T00:00:00Z"}, "invalid"),
        ({"retire_previous": "2096-01-01T00:00:00Z"}, "invalid"),
        ({"retire_previous": "off_hours"}, "never_offline"),
        ({"stretch_minutes": 30}, "invalid"),
        ({"pinned": "yes"}, "invalid"),
    ],
)
def test_a_date_that_cannot_be_is_refused(
    administrator: Caller, project_id: ProjectId, change: dict[str, Any], code: str
) -> None:
    """422; the rotation keeps the date that it has."""
    generate(administrator, project_id)
    due_at = later(hours=8)
    rotation = generate(administrator, project_id, retire_previous=due_at)["rotation"]
    path = f"/projects/{project_id}/rotations/{rotation['id']}"

    refused(administrator.patch(path, json=change), 422, code)

    assert administrator.get(path).json()["due_at"] == due_at


def test_off_hours_come_from_the_hours_and_the_zone(
    administrator: Caller, operator: Caller, project_id: ProjectId
) -> None:
    """Previewed in local time and UTC; planned for the first of them; moved with the hours."""
    path = f"/projects/{project_id}"
    assert operator.get(f"{path}/off_hours").json() == {"items": [], "next_cursor": None}
    generate(administrator, project_id)
    refused(
        administrator.post(f"{path}/secrets", json={"retire_previous": "off_hours"}),
        422,
        "never_offline",
    )
    day = _in_three_days("Asia/Kolkata")
    zone = {"time_zone": "Asia/Kolkata", "operating_hours": hours(**{day: [["06:00", "00:00"]]})}
    assert administrator.patch(path, json=zone).status_code == 200

    [first, second] = operator.get(f"{path}/off_hours?count=2").json()["items"]
    rotation = generate(administrator, project_id, retire_previous="off_hours")["rotation"]

    assert first["local_start"].endswith("T00:00:00+05:30")
    assert first["local_end"].endswith("T06:00:00+05:30")
    assert first["dst_shift"] is False
    week = from_wire(second["starts_at"]) - from_wire(first["starts_at"])
    assert week == timedelta(days=7)
    assert rotation["due_at"] == first["starts_at"]

    administrator.patch(
        path, json={"operating_hours": hours(**{day: [["00:00", "01:00"], ["07:00", "00:00"]]})}
    )
    moved = rotation_of(operator, project_id, rotation["id"])
    assert from_wire(moved["due_at"]) == from_wire(first["starts_at"]) + timedelta(hours=1)
    assert moved["moved_because"] == "hours_changed"
    events = operator.get(f"{path}/events").json()["items"]
    assert [each["kind"] for each in events][-1] == "RotationPostponed"

    administrator.patch(path, json={"operating_hours": None})
    undated = rotation_of(operator, project_id, rotation["id"])
    assert (undated["due_at"], undated["moved_because"]) == (None, "never_offline")


def test_a_zero_time_is_long_over(administrator: Caller, project_id: ProjectId) -> None:
    """As some programs write a time that nobody set: the next off-hours, then and later."""
    path = f"/projects/{project_id}"
    generate(administrator, project_id)
    administrator.patch(path, json={"operating_hours": hours(mon=[])})
    wish = {"retire_previous": "off_hours", "not_before": "0001-01-01T00:00:00Z"}

    rotation = generate(administrator, project_id, **wish)["rotation"]
    moved = administrator.patch(path, json={"operating_hours": hours(tue=[])})
    dated = administrator.patch(f"{path}/rotations/{rotation['id']}", json=wish)

    assert moved.status_code == dated.status_code == 200, moved.text + dated.text
    assert from_wire(rotation["due_at"]).weekday() == 0
    assert from_wire(dated.json()["due_at"]).weekday() == 1


def test_a_pinned_rotation_stays(administrator: Caller, project_id: ProjectId) -> None:
    """Neither new hours nor another zone move it."""
    path = f"/projects/{project_id}"
    administrator.patch(path, json={"operating_hours": hours(wed=[])})
    generate(administrator, project_id)
    wish = {"retire_previous": "off_hours", "pinned": True}
    rotation = generate(administrator, project_id, **wish)["rotation"]

    administrator.patch(path, json={"operating_hours": hours(sat=[])})
    administrator.patch(path, json={"time_zone": "Pacific/Apia"})

    shown = rotation_of(administrator, project_id, rotation["id"])
    assert (shown["due_at"], shown["moved_because"]) == (rotation["due_at"], None)


@pytest.mark.parametrize("count", ["0", "51", "-1", "1.5", "x", ""])
def test_only_a_few_off_hours_are_listed(
    administrator: Caller, project_id: ProjectId, count: str
) -> None:
    """422 for any other number of them."""
    answer = administrator.get(f"/projects/{project_id}/off_hours", params={"count": count})

    refused(answer, 422, "invalid")


def test_a_waiting_secret_is_shown_once(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Then it is 410 for good; until then it neither signs nor verifies."""
    generate(administrator, project_id)
    administrator.patch(f"/projects/{project_id}", json={"operating_hours": hours(sun=[])})
    rotation = api.stores.transactor.run(
        lambda t: schedule_rotation(t, SEALER, project_id, ADMINISTRATOR, OffHours())
    )
    assert [one["state"] for one in secrets_of(administrator, project_id)] == ["waiting", "active"]
    path = f"/projects/{project_id}/secrets/{rotation.new_key_id}/reveal"
    run = f"/projects/{project_id}/rotations/{rotation.id}/run"
    for force in (False, True):
        refused(administrator.post(run, json={"force": force}), 409, "secret_waiting")

    shown = administrator.post(path)

    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    assert shown.json()["rotation"]["state"] == "overlapping"
    assert [one["state"] for one in secrets_of(administrator, project_id)] == ["active", "retiring"]
    visitor = sign_in(api, project_id, shown.json()["secret"], "ada")
    assert visitor.visitor_id
    for _ in range(2):
        refused(administrator.post(path), 410, "already_revealed")


def test_only_secrets_of_the_project_are_revealed(
    administrator: Caller, project_id: ProjectId
) -> None:
    """Any other key id is 404."""
    for key_id in (nobody(), "x", KeyId("%00")):
        path = f"/projects/{project_id}/secrets/{key_id}/reveal"
        refused(administrator.post(path), 404, "secret_not_found")


def test_a_policy_is_set_shown_and_taken_away(
    administrator: Caller, operator: Caller, project_id: ProjectId
) -> None:
    """It says when it is due, and whoever set it stands in the audit log; nothing is made yet."""
    path = f"/projects/{project_id}/rotation_policy"
    none = {"every_days": None, "due_at": None}
    generate(administrator, project_id)
    assert operator.get(path).json() == none
    refused(operator("PUT", path, json={"every_days": 90}), 403, "access_refused")

    given = administrator("PUT", path, json={"every_days": 90})

    assert given.status_code == 200, given.text
    in_days = from_wire(given.json()["due_at"]) - datetime.now(UTC)
    assert given.json()["every_days"] == 90
    assert timedelta(days=89) < in_days <= timedelta(days=90)
    assert operator.get(path).json() == given.json()
    assert administrator("PUT", path, json={"every_days": None}).json() == none
    assert operator.get(path).json() == none
    entries = administrator.get(f"/projects/{project_id}/audit").json()["items"]
    told = [each["details"] for each in entries if each["action"] == "rotation.policy_set"]
    assert told == [{"every_days": None}, {"every_days": 90}]
    assert [one["state"] for one in secrets_of(administrator, project_id)] == ["active"]


@pytest.mark.parametrize(
    "body", [{}, {"every_days": 0}, {"every_days": 3651}, {"every_days": "90"}, {"days": 90}]
)
def test_a_policy_that_cannot_be_is_refused(
    administrator: Caller, project_id: ProjectId, body: dict[str, Any]
) -> None:
    """422; the one before stays."""
    path = f"/projects/{project_id}/rotation_policy"
    kept = administrator("PUT", path, json={"every_days": 30}).json()

    refused(administrator("PUT", path, json=body), 422, "invalid")

    assert administrator.get(path).json() == kept


def test_a_policy_makes_the_secret_that_is_revealed(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """From the API to the waiting secret and the site's first sign-in with it."""
    generate(administrator, project_id)
    policy = f"/projects/{project_id}/rotation_policy"
    administrator("PUT", policy, json={"every_days": 1})
    _age(api, project_id, timedelta(days=1))

    assert run_due_policies(api.stores) == 1

    waiting, active = secrets_of(administrator, project_id)
    assert (waiting["state"], active["state"]) == ("waiting", "active")
    [rotation] = administrator.get(f"/projects/{project_id}/rotations").json()["items"]
    assert (rotation["state"], rotation["new_key_id"]) == ("scheduled", waiting["key_id"])
    shown = administrator.post(f"/projects/{project_id}/secrets/{waiting['key_id']}/reveal").json()
    assert sign_in(api, project_id, shown["secret"], "ada").visitor_id


def _age(api: Api, project_id: ProjectId, by: timedelta) -> None:
    """The project's secrets, and the look at them, are that much older."""

    def use_case(db: Connection) -> None:
        for table, project, moment in (
            (signing_secrets, signing_secrets.c.project_id, "created_at"),
            (projects, projects.c.id, "policy_due_at"),
        ):
            before = db.scalar(sa.select(table.c[moment]).where(project == project_id))
            assert before
            db.execute(table.update().where(project == project_id).values({moment: before - by}))

    api.stores.database.write(use_case)


def _fall_due(api: Api, rotation_id: str) -> str:
    """The rotation's date came a moment ago; returns it."""
    moment = datetime.now(UTC) - timedelta(seconds=1)
    row = rotations.update().where(rotations.c.id == rotation_id)
    api.stores.database.write(lambda db: db.execute(row.values(due_at=moment)))
    return to_wire(moment)
