"""The inspector tells each check of a token, and keeps nothing."""

import time
from typing import Any

import jwt
import pytest
import sqlalchemy as sa

from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.tables import metadata
from tests.integration.dashboard.people import sign_in
from tests.integration.dashboard.serving import Api, Caller, error_of
from tests.integration.scenes import mint, rotate


def inspect(caller: Caller, project_id: ProjectId, token: str) -> dict[str, Any]:
    """What the inspector says."""
    answer = caller.post(f"/projects/{project_id}/tokens/inspect", json={"token": token})
    assert answer.status_code == 200, answer.text
    inspection: dict[str, Any] = answer.json()
    return inspection


def failed(inspection: dict[str, Any]) -> list[str]:
    """The names of the checks that failed."""
    return [check["name"] for check in inspection["checks"] if not check["passed"]]


def test_a_good_token_passes_every_check(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """With its claims in their normal form and the key that signed it."""
    made = rotate(api.stores.transactor, project_id)

    inspection = inspect(
        administrator, project_id, "JWT " + mint(made.secret, 42, name="Ada", plan="gold")
    )

    assert inspection["accepted"] is True
    assert inspection["code"] is None
    assert inspection["custom_id"] == "42"
    assert inspection["key_id"] == made.key_id
    assert inspection["claims"]["name"] == "Ada"
    assert inspection["claims"]["attributes"] == {"plan": "gold"}
    assert inspection["claims"]["expires_at"].endswith("Z")
    assert inspection["checks"]
    assert failed(inspection) == []
    assert all(set(check) == {"name", "passed", "message"} for check in inspection["checks"])


def test_a_bad_token_is_told_all_its_faults(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Signed with a revoked secret, expired, and for somebody else."""
    old = rotate(api.stores.transactor, project_id)
    rotate(api.stores.transactor, project_id)
    past = int(time.time()) - 3600
    token = mint(old.secret, "null", iat=past, exp=past + 60, aud="elsewhere")

    inspection = inspect(administrator, project_id, token)

    assert inspection["accepted"] is False
    assert inspection["code"] == "token_expired"
    assert failed(inspection) == ["expiry", "signature", "audience", "custom_id"]
    assert inspection["key_id"] == old.key_id
    assert all(check["message"] for check in inspection["checks"])


def test_another_projects_secret_opens_nothing(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """Only the named project's own secrets count."""
    rotate(api.stores.transactor, project_id)
    foreign = rotate(api.stores.transactor, api.project())

    inspection = inspect(administrator, project_id, mint(foreign.secret, "ada"))

    assert inspection["code"] == "signature_invalid"
    assert inspection["key_id"] is None


def test_a_sign_out_everywhere_supersedes_what_was_issued_before(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """As a sign-in is answered; another person's token is as good as before."""
    made = rotate(api.stores.transactor, project_id)
    ada = sign_in(api, project_id, made.secret, "ada")
    before = inspect(administrator, project_id, mint(made.secret, "ada"))
    administrator.post(f"/projects/{project_id}/visitors/{ada.visitor_id}/sign_out")

    after = inspect(administrator, project_id, mint(made.secret, "ada", iat=int(time.time()) - 1))
    undated = inspect(administrator, project_id, jwt.encode({"sub": "ada"}, made.secret))
    others = inspect(administrator, project_id, mint(made.secret, "grace"))

    assert before["accepted"] is others["accepted"] is True
    assert before["checks"][-1]["name"] == "sign_outs"
    assert (after["accepted"], after["code"]) == (False, "token_superseded")
    assert failed(after) == ["sign_outs"]
    assert undated["code"] == "claim_missing"
    assert failed(undated)[-1] == "sign_outs"


@pytest.mark.parametrize("token", [".", "a.b.c", "\0", "é" * 9000, "eyJ" * 9000, "JWT ", "💥"])
def test_any_text_is_inspected(administrator: Caller, project_id: ProjectId, token: str) -> None:
    """Hostile ones too; they are refused with a code."""
    inspection = inspect(administrator, project_id, token)

    assert inspection["accepted"] is False
    assert inspection["code"] in {"token_malformed", "token_too_large"}


@pytest.mark.parametrize("token", ["", 5, None, ["x"], "\ud800"])
def test_what_is_no_text_is_not(
    administrator: Caller, project_id: ProjectId, token: object
) -> None:
    """422."""
    body = {"token": token}
    answer = administrator.post(f"/projects/{project_id}/tokens/inspect", json=body)

    assert answer.status_code == 422
    assert [each["field"] for each in error_of(answer)["details"]["fields"]] == ["token"]


def test_nothing_of_an_inspection_is_kept(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """No row and no key came or changed."""
    made = rotate(api.stores.transactor, project_id)
    before = _everything(api)

    inspect(administrator, project_id, mint(made.secret, "ada"))
    inspect(administrator, project_id, mint("wrong" * 20, "ada"))

    rows, keys = _everything(api)
    assert rows == before[0]
    assert keys <= before[1]  # some may end by themselves


def test_a_caller_inspects_30_times_a_minute(api: Api, project_id: ProjectId) -> None:
    """Then 429 with the time to wait; another key has its own minute."""
    hasty, other = (api.caller(Role.ADMINISTRATOR, project_id) for _ in range(2))
    path = f"/projects/{project_id}/tokens/inspect"

    answers = [hasty.post(path, json={"token": "x"}) for _ in range(31)]

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert error_of(answers[-1])["code"] == "too_many_requests"
    assert int(answers[-1].headers["retry-after"]) in range(1, 61)
    assert other.post(path, json={"token": "x"}).status_code == 200


def _everything(api: Api) -> tuple[dict[str, list[Any]], set[bytes]]:
    with api.stores.database.reading() as db:
        rows = {
            table.name: sorted(map(repr, db.execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
        }
    return rows, set(api.stores.redis.keys())
