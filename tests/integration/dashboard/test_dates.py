"""What is said of a date has to fit it: nobody who asked for later gets now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.ids import ProjectId
from domain.times import to_wire
from tests.integration.dashboard.serving import Caller, error_of
from tests.integration.dashboard.test_secrets import generate, secrets_of

TOMORROW = to_wire(datetime.now(UTC) + timedelta(days=1))


@pytest.mark.parametrize(
    "wish",
    [
        {"stretch_minutes": 120},
        {"not_before": TOMORROW},
        {"pinned": True},
        {"retire_previous": "now", "stretch_minutes": 120},
        {"retire_previous": "now", "not_before": TOMORROW},
        {"retire_previous": "now", "pinned": True},
        {"retire_previous": TOMORROW, "stretch_minutes": 120},
        {"retire_previous": TOMORROW, "not_before": TOMORROW},
    ],
)
def test_what_belongs_to_another_date_is_refused(
    administrator: Caller, project_id: ProjectId, wish: dict[str, Any]
) -> None:
    """422 says what to give; the secret in use is as good as before."""
    generate(administrator, project_id)

    answer = administrator.post(f"/projects/{project_id}/secrets", json=wish)

    assert answer.status_code == 422, answer.text
    [fault] = error_of(answer)["details"]["fields"]
    assert fault["field"] == "retire_previous"
    assert "give off_hours" in fault["message"]
    assert [secret["state"] for secret in secrets_of(administrator, project_id)] == ["active"]


def test_what_asks_for_nothing_more_goes_with_any_date(
    administrator: Caller, project_id: ProjectId
) -> None:
    """Programs that send every member regenerate all the same; a given time can be pinned."""
    usual = {"stretch_minutes": 0, "not_before": None, "pinned": False}
    generate(administrator, project_id)

    at_once = generate(administrator, project_id, retire_previous="now", **usual)
    pinned = generate(administrator, project_id, retire_previous=TOMORROW, pinned=True)

    assert at_once["rotation"]["state"] == "cutting"
    assert pinned["rotation"]["due_at"] == TOMORROW


def test_another_date_is_held_to_the_same(administrator: Caller, project_id: ProjectId) -> None:
    """A time says nothing of how long chat has to be offline."""
    generate(administrator, project_id)
    rotation = generate(administrator, project_id, retire_previous=TOMORROW)["rotation"]
    path = f"/projects/{project_id}/rotations/{rotation['id']}"
    later = to_wire(datetime.now(UTC) + timedelta(days=2))

    answer = administrator.patch(path, json={"retire_previous": later, "stretch_minutes": 30})

    assert answer.status_code == 422, answer.text
    assert administrator.get(path).json()["due_at"] == TOMORROW
