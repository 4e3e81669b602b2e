"""An unmodified client of the original system signs in, under one address as `make run` has it.

Each test has a project with the policy for tokens that were signed for that system.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.acceptance.one_port import OnePortSystem
from tests.acceptance.sites import Site, make_site
from tests.acceptance.strangers.tiledesk import ask
from tests.servers.forks import Launcher
from tests.servers.plain_http import NO_TLS
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.timeout(300)  # packages may have to be installed first

SECONDS = 60.0
EMAIL, PASSWORD = "grace@example.com", "correct horse battery"


@pytest.fixture(scope="module")
def system(
    redis_server: RedisServer,
    launcher: Launcher,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OnePortSystem]:
    """One running system behind one port."""
    redis_server.empty()
    folder = tmp_path_factory.mktemp("drop-in")
    shutil.copy(sqlite_template, folder / "widget-auth.sqlite")
    url = f"sqlite:///{folder}/widget-auth.sqlite"
    with OnePortSystem(url, redis_server.url, folder, launcher=launcher) as running:
        yield running


@pytest.fixture
def site(system: OnePortSystem) -> Site:
    """A project whose back end signs tokens for the original system."""
    site = make_site(system)
    with system.admin(site.api_key) as admin:
        policy = {"token_policy": {"preset": "tiledesk"}}
        assert admin.patch(f"/projects/{site.project_id}", json=policy).status_code == 200
    return site


def token_of(site: Site, secret: str | None = None, **claims: Any) -> str:
    """As the original system's guide has them signed: no dates, and a role."""
    payload = {
        "_id": "ada",
        "firstname": "Ada",
        "lastname": "Lovelace",
        "email": "ada@example.com",
        "role": "admin",
        "sub": "userexternal",
        "aud": f"https://chat.example.com/projects/{site.project_id}",
    }
    return jwt.encode({**payload, **claims}, secret or site.secret, algorithm="HS256")


def custom(system: OnePortSystem, token: str) -> httpx.Response:
    """The answer to a token over HTTP."""
    headers = {"Authorization": f"JWT {token}"}
    url = f"{system.url}/auth/signinWithCustomToken"
    return httpx.post(url, headers=headers, timeout=SECONDS, verify=NO_TLS)


def test_the_client_signs_in(system: OnePortSystem, site: Site) -> None:
    """Anonymously, with a custom token and as a member; a bad one is told what is wrong."""
    add = ("member", "add", site.project_id, EMAIL, "--role", "administrator", "--password-stdin")
    system.cli(*add, stdin=PASSWORD)
    good, foreign = token_of(site), token_of(site, secret="x" * 64)

    guest, visitor, refused, member, nobody = ask(
        system.url,
        {"kind": "anonymous", "project": site.project_id},
        {"kind": "custom", "token": good},
        {"kind": "custom", "token": f"JWT {foreign}"},
        {"kind": "password", "email": EMAIL, "password": PASSWORD},
        {"kind": "password", "email": EMAIL, "password": "wrong password"},
    )

    assert guest["body"]["success"] is True
    assert guest["body"]["user"]["firstname"].startswith("guest#")
    claims = jwt.decode(good, options={"verify_signature": False})
    assert visitor == {"body": {"success": True, "token": f"JWT {good}", "user": claims}}
    assert (refused["status"], refused["body"]["code"]) == (401, "signature_invalid")
    assert member["body"]["user"]["email"] == EMAIL
    assert nobody["status"] == 401
    shown = system.cli("visitor", "show", site.project_id, "--custom-id", "ada")["visitor"]
    assert (shown["authenticated"], shown["devices"], shown["absorbed"]) == (True, [], [])
    logs = system.logs()
    for token in (good, foreign, guest["body"]["token"], member["body"]["token"]):
        assert token.rpartition(" ")[2] not in logs
    assert "ada@example.com" not in logs


def test_a_member_of_the_original_systems_kind_generates(system: OnePortSystem, site: Site) -> None:
    """Who signed in with the secret before is disconnected, and its tokens are refused."""
    email = "hopper@example.com"
    add = ("member", "add", site.project_id, email, "--role", "administrator", "--password-stdin")
    system.cli(*add, stdin=PASSWORD)
    [member] = ask(system.url, {"kind": "password", "email": email, "password": PASSWORD})
    authorization = {"Authorization": member["body"]["token"]}

    async def story() -> str:
        async with site.widget() as widget:
            await widget.signed_in(token_of(site))
            answer = await asyncio.to_thread(
                httpx.post,
                f"{system.url}/{site.project_id}/keys/generate",
                headers=authorization,
                timeout=SECONDS,
                verify=NO_TLS,
            )
            assert answer.status_code == 200, answer.text
            code, reason = await widget.closing()
            assert (code, reason["code"]) == (4401, "secret_revoked")
        secret: str = answer.json()["jwtSecret"]
        return secret

    secret = asyncio.run(story())

    assert custom(system, token_of(site)).json()["code"] == "key_revoked"
    assert custom(system, token_of(site, secret=secret)).status_code == 200
    assert secret not in system.logs()


def test_a_guests_or_members_token_signs_nobody_in(system: OnePortSystem, site: Site) -> None:
    """By no way in: not over the socket, not over HTTP, not as an administrator."""
    guest, again = ask(system.url, *[{"kind": "anonymous", "project": site.project_id}] * 2)
    assert guest["body"]["user"]["_id"] != again["body"]["user"]["_id"]
    token = guest["body"]["token"].removeprefix("JWT ")

    async def refused() -> str:
        async with site.widget() as widget:
            return await widget.refusal(token)

    assert asyncio.run(refused()) == "signature_invalid"
    assert custom(system, token).status_code == 401
    for path in (f"/{site.project_id}/keys/generate", "/api/v1/projects"):
        headers = {"Authorization": f"JWT {token}"}
        method = "POST" if path.endswith("generate") else "GET"
        url = f"{system.url}{path}"
        answer = httpx.request(method, url, headers=headers, timeout=SECONDS, verify=NO_TLS)
        assert answer.status_code == 401


def test_what_a_custom_token_changes(system: OnePortSystem, site: Site) -> None:
    """The person is marked, as by any sign-in; a widget's anonymous history stays where it is."""

    async def story() -> dict[str, Any]:
        async with site.widget() as widget:
            answer = await asyncio.to_thread(custom, system, token_of(site))
            assert answer.status_code == 200
            assert await widget.is_alive()
            return await widget.signed_in(token_of(site))

    signed_in = asyncio.run(story())

    [found] = site.get("/visitors", custom_id="ada")["items"]
    assert found["id"] == signed_in["visitor"]["id"]
    assert found["name"] == "Ada Lovelace"
    assert len(signed_in["merged"]) == 1  # only now, by the widget's own sign-in
