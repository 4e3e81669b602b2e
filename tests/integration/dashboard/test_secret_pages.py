"""The page of secrets without a browser's scripts: what it shows, and what its form asks for."""

import re

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from domain.signing_secrets import SecretState
from storage.sql import signing_secrets
from tests.integration.dashboard.browsing import browsing, new_member
from tests.integration.dashboard.serving import Api, serving, settings_of
from tests.integration.scenes import rotate

HIDDEN = re.compile(r'<input type="hidden" name="(when|expected)" value="(.*?)">')
RADIO = re.compile(r'<input type="radio" name="when"[^>]*>')


def states_of(api: Api, project_id: ProjectId) -> list[SecretState]:
    """Of the project's secrets, the newest first."""
    with api.stores.database.reading() as db:
        found = signing_secrets.list_secrets(db, project_id)
    return [secret.state for secret in found]


@pytest.mark.parametrize("fields", [{}, {"when": ""}, {"when": "later"}])
def test_a_form_without_a_choice_revokes_nothing(
    api: Api, project_id: ProjectId, fields: dict[str, str]
) -> None:
    """Nobody chose now; the form says what is missing, and a browser would have asked."""
    made = rotate(api.stores.transactor, project_id)
    path = f"/projects/{project_id}/authentication"
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        answer = browser.submit(path, expected=made.key_id, **fields)

    assert answer.status_code == 422
    assert "choose now, the next off-hours, or a time" in answer.text
    assert states_of(api, project_id) == [SecretState.ACTIVE]
    radios = RADIO.findall(answer.text)
    assert len(radios) == 3
    assert all(" required" in radio and " checked" not in radio for radio in radios)


def test_the_first_secret_asks_for_no_date(api: Api, project_id: ProjectId) -> None:
    """There is none before it that could end; its form says so by itself."""
    path = f"/projects/{project_id}/authentication"
    with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
        page = browser.get(path).text
        hidden = dict(HIDDEN.findall(page))
        answer = browser.submit(path, **hidden)

    assert not RADIO.search(page)
    assert answer.status_code == 201
    assert states_of(api, project_id) == [SecretState.ACTIVE]


def test_without_redis_nobody_knows_how_many_are_live(kept_database_url: str) -> None:
    """The page says so of each secret."""
    with serving(settings_of(kept_database_url, "redis://127.0.0.1:1/0")) as api:
        project_id = api.project()
        rotate(api.stores.transactor, project_id)
        rotate(api.stores.transactor, project_id)
        with browsing(api, new_member(api, Role.ADMINISTRATOR, project_id)) as browser:
            page = browser.get(f"/projects/{project_id}/authentication").text

    assert re.findall(r'data-label="Live"><div>(.*?)</div>', page) == ["unknown"] * 2
