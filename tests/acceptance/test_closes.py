"""Every close code that a widget can meet, with its reason."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.ids import uuid7
from tests.acceptance.sites import Site
from tests.acceptance.system import System
from tests.acceptance.widget import Widget, closing, open_socket
from tests.servers.databases import USUAL_KINDS

NOBODYS_PROJECT = "01900000-0000-7000-8000-000000000000"

TRY_AGAIN = 1013
ATTEMPTS = 10

BAD_FRAMES: dict[str, tuple[Any, int]] = {
    "not JSON": ("hello", 4400),
    "no object": ("[1]", 4400),
    "no type": ("{}", 4400),
    "unknown type": ('{"type":"open_sesame"}', 4400),
    "binary": (b"\x00\x01", 4400),
    "too large": ("x" * (16 * 1024 + 1), 1009),
}

pytestmark = pytest.mark.parametrize("system", USUAL_KINDS, indirect=True, scope="module")


@pytest.mark.parametrize("frame", BAD_FRAMES)
def test_a_bad_frame_closes_its_socket_only(site: Site, frame: str) -> None:
    """Whoever breaks the protocol is closed with its code; the neighbour stays."""
    sent, expected = BAD_FRAMES[frame]

    async def story() -> None:
        async with site.widget() as neighbour, site.widget() as widget:
            await widget.send(sent)
            code, _ = await widget.closing()
            assert code == expected
            assert await neighbour.is_alive()

    asyncio.run(story())


def test_an_unknown_project_stops_the_widget(system: System) -> None:
    """Only when SQL has said that there is no such project is the code 4404."""

    async def story() -> tuple[int, dict[str, Any]]:
        socket = await open_socket(system.socket_url(NOBODYS_PROJECT))
        await socket.send('{"type":"hello"}')
        return await closing(socket)

    for _ in range(ATTEMPTS):
        code, reason = asyncio.run(story())
        if code != TRY_AGAIN:  # the workers of a busy machine may take too long to say
            break
    assert (code, reason["code"]) == (4404, "unknown_project")


def test_a_silent_socket_is_closed(site: Site) -> None:
    """Without a hello in ten seconds the socket is closed with 4408."""

    async def story() -> tuple[int, dict[str, Any]]:
        socket = await open_socket(site.system.socket_url(site.project_id))
        return await closing(socket)

    code, reason = asyncio.run(story())
    assert (code, reason["code"]) == (4408, "hello_timeout")


def test_too_many_connections_from_one_address(site: Site) -> None:
    """Over the project's limit a connection is told when to come back."""
    with site.system.admin(site.api_key) as admin:
        limits = {"limits": {"connects_per_address": 2}}
        assert admin.patch(f"/projects/{site.project_id}", json=limits).status_code == 200

    async def story() -> tuple[int, dict[str, Any]]:
        async with site.widget(), site.widget():
            return await closing(await open_socket(site.system.socket_url(site.project_id)))

    code, reason = asyncio.run(story())
    assert (code, reason["code"]) == (4429, "too_many_requests")
    assert reason["retry_after_ms"] > 0


def test_a_gateway_that_stops_says_so(site: Site) -> None:
    """A graceful stop closes with 1012 and a time to come back; the gateway then starts anew."""

    async def story() -> None:
        async with site.widget() as widget:
            gateway = site.system.processes["gateway-1"]
            stopping = asyncio.create_task(asyncio.to_thread(gateway.stop))
            code, reason = await widget.closing()
            assert (code, reason["code"]) == (1012, "restarting")
            assert reason["retry_after_ms"] >= 0
            await stopping

    asyncio.run(story())
    site.system.restart("gateway-1")

    async def come_back() -> None:
        async with site.widget() as widget:
            await widget.signed_in(site.token())

    asyncio.run(come_back())


def test_a_project_that_redis_does_not_know_is_tried_again(site: Site) -> None:
    """While nobody can say what a project is, sockets are told to try again, not 4404."""
    maintenance = site.system.processes["maintenance"]

    async def story() -> tuple[int, dict[str, Any]]:
        unseen = uuid7(datetime.now(UTC), secrets.token_bytes(10))
        socket = await open_socket(site.system.socket_url(unseen))
        await socket.send('{"type":"hello"}')
        return await closing(socket)

    maintenance.pause()
    try:
        code, reason = asyncio.run(story())
    finally:
        maintenance.resume()
    assert (code, reason["code"]) == (1013, "try_again")
    assert reason["retry_after_ms"] > 0


def test_a_foreign_project_is_no_help(site: Site) -> None:
    """A device id of another project is answered with a fresh one."""

    async def story() -> None:
        foreign = "A" * 51
        async with Widget(site.system.socket_url(site.project_id), foreign) as widget:
            assert widget.device != foreign

    asyncio.run(story())
