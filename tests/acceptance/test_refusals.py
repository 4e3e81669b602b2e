"""Every refusal code, as a widget gets it."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from storage.sql.engine import open_database
from storage.sql.tables import visitors
from tests.acceptance.sites import Site
from tests.servers.databases import USUAL_KINDS

BadToken = Callable[[Site], str]

pytestmark = pytest.mark.parametrize("system", USUAL_KINDS, indirect=True, scope="module")


def _signed(site: Site, claims: dict[str, Any], **header: str) -> str:
    return jwt.encode(claims, site.secret, algorithm="HS256", headers=header)


def _unsigned(site: Site) -> str:
    return jwt.encode({"external_id": "ada"}, None, algorithm="none")


BAD_TOKENS: dict[str, BadToken] = {
    "token_malformed": lambda _: "not.a.token",
    "token_too_large": lambda site: site.token(padding="x" * 8200),
    "algorithm_not_allowed": _unsigned,
    "signature_invalid": lambda site: site.token(secret="w" * 64),
    "token_expired": lambda site: site.token(lifetime=-600),
    "token_not_yet_valid": lambda site: site.token(nbf=int(time.time()) + 900, lifetime=590),
    "lifetime_too_long": lambda site: site.token(lifetime=3600),
    "claim_missing": lambda site: _signed(site, {"exp": int(time.time()) + 60}),
    "claim_invalid": lambda site: site.token(name=7),
    "custom_id_invalid": lambda site: site.token("null"),
    "audience_mismatch": lambda site: site.token(aud="https://elsewhere.example/projects/other"),
    "key_unknown": lambda site: _signed(
        site, {"external_id": "a", "exp": int(time.time()) + 60}, kid="k"
    ),
}


@pytest.mark.parametrize("code", BAD_TOKENS)
def test_a_bad_token_is_refused_by_name(site: Site, code: str) -> None:
    """Each kind of bad token has its code, and the same socket may try again."""

    async def story() -> None:
        async with site.widget() as widget:
            assert await widget.refusal(BAD_TOKENS[code](site)) == code
            await widget.signed_in(site.token())

    asyncio.run(story())


def test_a_revoked_key_is_named(site: Site) -> None:
    """A token of a revoked secret is told apart from a forged one."""
    old = site.token()
    site.regenerate()

    async def story() -> None:
        async with site.widget() as widget:
            assert await widget.refusal(old) == "key_revoked"

    asyncio.run(story())


def test_a_token_from_before_a_sign_out_everywhere(site: Site) -> None:
    """Once a person was signed out everywhere, only a later token signs them in."""

    async def story() -> None:
        async with site.widget() as widget:
            await widget.signed_in(site.token())
            _sign_out_everywhere(site)
            assert await widget.refusal(site.token()) == "token_superseded"

    asyncio.run(story())


def _sign_out_everywhere(site: Site) -> None:
    """The person's record as signing out everywhere leaves it."""
    database = open_database(site.system.environ["WIDGET_AUTH_DATABASE_URL"])
    mine = visitors.update().where(visitors.c.project_id == site.project_id)
    later = datetime.fromtimestamp(time.time() + 60, UTC)
    database.write(lambda db: db.execute(mine.values(not_before=later)))
    database.close()


def test_too_many_sign_ins_on_one_socket(site: Site) -> None:
    """The limit of the project holds, and the refusal says when to try again."""
    with site.system.admin(site.api_key) as admin:
        limits = {"limits": {"sign_ins_per_socket": 2}}
        assert admin.patch(f"/projects/{site.project_id}", json=limits).status_code == 200

    async def story() -> None:
        async with site.widget() as widget:
            for _ in range(2):
                assert (await widget.sign_in(site.token())).get("code") != "rate_limited"
            refused = await widget.sign_in(site.token())
            assert refused["code"] == "rate_limited"
            assert 0 < refused["retry_after_ms"] <= 60_000

    asyncio.run(story())


def test_without_a_worker_the_answer_is_unavailable(site: Site) -> None:
    """A request that no worker takes in time is answered so; the same socket may repeat it."""
    worker = site.system.processes["verification"]

    async def story() -> None:
        async with site.widget() as widget:
            worker.pause()
            try:
                refused = await widget.sign_in(site.token())
            finally:
                worker.resume()
            assert refused["code"] == "unavailable"
            assert refused["retry_after_ms"] > 0
            await widget.signed_in(site.token())

    asyncio.run(story())
