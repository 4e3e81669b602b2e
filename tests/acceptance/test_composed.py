"""The processes of docker-compose.yml work together, as its images, networks and proxy have it."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.acceptance.composed import Composed
from tests.acceptance.sites import make_site
from tests.acceptance.strangers.tiledesk import ask
from tests.acceptance.system import System
from tests.servers.forks import Launcher
from tests.servers.plain_http import NO_TLS
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # packages may have to be installed first

SECONDS = 60.0


@pytest.fixture(scope="module")
def composed(
    postgres_server: PostgresServer, redis_server: RedisServer, launcher: Launcher
) -> Iterator[Composed]:
    """All of it, with a Redis each for live state and queues."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        reason = "nginx is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="widget-auth-composed-"))
    folder.chmod(0o755)  # nginx's workers run as nobody and must find their way in
    broker = RedisServer()
    broker.start()
    database = postgres_server.create_database()
    addresses = {"postgres": database, "live": redis_server.url, "broker": broker.url}
    try:
        with Composed(addresses, folder, launcher) as running:
            wait_until(lambda: _answers(f"{running.url}/readyz"), "an answer", SECONDS)
            yield running
    finally:
        broker.stop()
        postgres_server.drop_database(database)
        shutil.rmtree(folder)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=SECONDS, verify=NO_TLS).status_code == 200
    except httpx.TransportError:
        return False


def test_a_secrets_life_behind_the_proxy(composed: Composed) -> None:
    """Sign in, regenerate, be closed, be refused: everything through one host, by path."""

    async def story() -> None:
        site = await asyncio.to_thread(make_site, cast("System", composed))
        old = site.token(name="Ada Lovelace")
        async with site.widget() as widget, site.widget() as stranger:
            signed_in = await widget.signed_in(old)
            assert signed_in["visitor"]["name"] == "Ada Lovelace"
            answer = await asyncio.to_thread(site.regenerate)
            code, reason = await widget.closing()
            assert (code, reason["code"]) == (4401, "secret_revoked")
            assert await stranger.refusal(old) == "key_revoked"
            await stranger.signed_in(site.token())
        receipt = await asyncio.to_thread(site.completed_receipt, answer["rotation"]["id"])
        assert receipt["sessions"] == {"targeted": 1, "closed": 1, "gone": 0}

    asyncio.run(story())


def test_a_client_of_the_original_system_behind_the_proxy(composed: Composed) -> None:
    """All four of its requests go to one host, whichever process answers them."""
    site = make_site(cast("System", composed))
    token = site.token(aud=f"https://chat.example.com/projects/{site.project_id}")
    composed.add_administrator(site.project_id, "grace@example.com", "correct horse battery")

    guest, visitor, member = ask(
        composed.url,
        {"kind": "anonymous", "project": site.project_id},
        {"kind": "custom", "token": token},
        {"kind": "password", "email": "grace@example.com", "password": "correct horse battery"},
    )
    generated = httpx.post(
        f"{composed.url}/{site.project_id}/keys/generate",
        headers={"Authorization": member["body"]["token"]},
        timeout=SECONDS,
        verify=NO_TLS,
    )

    assert guest["body"]["user"]["firstname"].startswith("guest#")
    assert visitor["body"]["token"] == f"JWT {token}"
    assert len(generated.json()["jwtSecret"]) == 64
    [refused] = ask(composed.url, {"kind": "custom", "token": token})
    assert (refused["status"], refused["body"]["code"]) == (401, "key_revoked")


def test_health_checks_tell_the_well_from_the_sick(composed: Composed) -> None:
    """Those of the images; a worker that stands still is not well."""
    for service in ("gateway", "dashboard", "verification"):
        wait_until(partial(composed.is_healthy, service), f"the health of {service}", SECONDS)

    worker = composed.processes["verification-0"]
    worker.pause()
    try:
        assert not composed.is_healthy("verification")
    finally:
        worker.resume()


def test_figures_and_health_stay_inside(composed: Composed) -> None:
    """The proxy tells health to its own machine alone, and nobody metrics or what it is."""
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with (
        httpx.Client(timeout=SECONDS, base_url=composed.url) as neighbour,
        httpx.Client(timeout=SECONDS, base_url=composed.url, transport=elsewhere) as stranger,
    ):
        for path in ("/healthz", "/readyz"):
            assert neighbour.get(path).status_code == 200
            assert stranger.get(path).status_code == 403
        assert stranger.get("/widget/tiledesk.js").status_code == 200
        assert neighbour.get("/metrics").status_code == 404
        assert neighbour.get("/healthz").headers["server"] == "nginx"


def test_a_body_that_is_too_large_is_refused_at_the_door(composed: Composed) -> None:
    """Before any of our processes reads it."""
    url = f"{composed.url}/api/v1/projects"

    assert httpx.post(url, content=b"x" * 70_000, timeout=SECONDS).status_code == 413
