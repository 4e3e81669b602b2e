"""API keys: who has none gets nothing, and learns nothing."""

import hashlib
from datetime import UTC, datetime

import pytest

from dashboard.wire import API_PREFIX
from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.tables import api_keys
from tests.integration.dashboard.serving import Api, error_of

GOOD_FORM = "wa_" + "A" * 43


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        f"Bearer {GOOD_FORM}",
        f"Basic {GOOD_FORM}",
        GOOD_FORM,
        f"Bearer {GOOD_FORM} {GOOD_FORM}",
        "Bearer wa_",
        "Bearer " + "x" * 4000,
        b"Bearer wa_\xff\xfe",
    ],
)
def test_whatever_is_no_key_is_401(api: Api, header: str | bytes | None) -> None:
    """One answer for all of them: nobody learns whether a key once existed."""
    headers: dict[str, str | bytes] = {} if header is None else {"Authorization": header}
    answer = api.client.get(f"{API_PREFIX}/projects", headers=headers)

    assert answer.status_code == 401
    assert error_of(answer)["code"] == "unauthenticated"
    assert error_of(answer)["details"] == {}
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_scheme_may_be_spelt_anyhow(api: Api) -> None:
    """Schemes are case-insensitive (RFC 9110 section 11.1)."""
    headers = {"Authorization": f"bEARER {api.key(Role.OWNER)}"}
    answer = api.client.get(f"{API_PREFIX}/projects", headers=headers)

    assert answer.status_code == 200


def test_a_revoked_key_is_no_key(api: Api, project_id: ProjectId) -> None:
    """From the moment of its revocation it opens nothing."""
    key = api.key(Role.ADMINISTRATOR, project_id)
    caller = api.caller_with(key)
    assert caller.get("/projects").status_code == 200
    digest = hashlib.sha256(key.encode()).hexdigest()

    api.stores.database.write(
        lambda db: db.execute(
            api_keys.update()
            .where(api_keys.c.digest == digest)
            .values(revoked_at=datetime.now(UTC))
        )
    )

    assert caller.get("/projects").status_code == 401


def test_a_key_anywhere_but_in_the_header_counts_for_nothing(api: Api) -> None:
    """URLs end in logs and histories."""
    stranger = api.caller_with(None)
    key = api.key(Role.OWNER)

    assert stranger.get("/projects", params={"api_key": key}).status_code == 401
    assert stranger.get("/projects", params={"authorization": f"Bearer {key}"}).status_code == 401


def test_nothing_of_a_request_is_looked_at_before_its_key(api: Api) -> None:
    """A stranger's body is neither read nor judged."""
    stranger = api.caller_with(None)
    json = {"Content-Type": "application/json"}

    assert stranger.post("/projects", content=b"{", headers=json).status_code == 401
    assert stranger.post("/projects", content=b"x" * 100_000, headers=json).status_code == 401
    assert stranger.get("/projects", params={"limit": "many"}).status_code == 401
