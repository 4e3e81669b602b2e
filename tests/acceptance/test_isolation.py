"""What must not get out, of the gateway, queues and logs; and what forged messages cannot do."""

import asyncio
import base64
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from config.celery_app import make_celery
from config.publisher import Publisher
from config.queues import TOKENS_REVOKE
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System
from tests.servers.databases import USUAL_KINDS
from tests.waiting import until, wait_until

NOT_FORKED = ("gateway-1",)
LISTENING_SECONDS = 60.0

pytestmark = pytest.mark.parametrize("system", USUAL_KINDS, indirect=True, scope="module")


def test_the_gateway_has_neither_sql_nor_sealing_keys(site: Site) -> None:
    """A running gateway has not loaded SQLAlchemy and holds no sealing key or shared secret.

    Not even where it was started with the settings of every process.
    """

    async def use_it() -> None:
        async with site.widget() as widget:
            await widget.signed_in(site.token())

    asyncio.run(use_it())
    gateway = psutil.Process(site.system.processes["gateway-1"].pid)
    files = [mapped.path for mapped in gateway.memory_maps()]
    assert any("picows" in path for path in files), "this looks at the right process"
    assert not [path for path in files if "sqlalchemy" in path or "psycopg" in path]
    with _standing_still(site.system, "gateway-1"):
        memory = _memory_of(gateway.pid)
    assert site.project_id.encode() in memory, "this reads the right memory"
    assert site.secret.encode() not in memory
    sealing_key = site.system.environ["WIDGET_AUTH_SEALING_KEYS"]
    for hidden in (sealing_key.encode(), base64.urlsafe_b64decode(sealing_key)):
        assert hidden not in memory
    assert site.system.environ["WIDGET_AUTH_DATABASE_URL"].encode() not in memory
    queue_key = site.system.environ["WIDGET_AUTH_QUEUE_KEYS"]
    assert base64.urlsafe_b64decode(queue_key) in memory, "a key it holds would be found"


@contextmanager
def _standing_still(system: System, name: str) -> Iterator[None]:
    """What it holds stays where it is."""
    process = psutil.Process(system.processes[name].pid)
    process.suspend()
    try:
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, f"{name} standing still")
        yield
    finally:
        process.resume()


def _memory_of(pid: int) -> bytes:
    """Everything writable that the process holds."""
    parts = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(bound, 16) for bound in span.split("-"))
            if mode.startswith("rw") and "[v" not in line:
                memory.seek(start)
                parts.append(memory.read(end - start))
    return b"".join(parts)


def test_a_forged_revocation_changes_nothing(site: Site) -> None:
    """A message that SQL does not confirm closes nobody; an operator finds it in the audit log."""
    publisher = Publisher(make_celery(_broker(site.system)))
    forged = secrets.token_hex(16)
    message = {"event_id": forged, "project_id": site.project_id, "rotation_id": forged}

    async def story() -> None:
        async with site.widget() as widget:
            token = site.token()
            await widget.signed_in(token)
            await asyncio.to_thread(publisher, TOKENS_REVOKE, message)
            await until(lambda: f'"event_id":"{forged}"' in site.system.logs(), "the message read")
            other = await asyncio.to_thread(make_site, site.system)
            rotation = (await asyncio.to_thread(other.regenerate))["rotation"]["id"]
            await asyncio.to_thread(other.completed_receipt, rotation)
            assert await widget.is_alive()
            await widget.signed_in(token)

    asyncio.run(story())
    publisher.close()


def _broker(system: System) -> str:
    return system.environ["WIDGET_AUTH_REDIS_URL"].replace("/0", "/1")


def test_no_secret_or_token_in_queues_and_logs(site: Site) -> None:
    """Neither a queue message, its headers nor any log shows one, or a personal claim."""
    old_secret, token = site.secret, site.token(email="ada@example.com")

    async def sign_in() -> None:
        async with site.widget() as widget:
            await widget.signed_in(token)

    with _everything_sent_to(_broker(site.system)) as sent:
        asyncio.run(sign_in())
        site.regenerate()
    written = site.system.logs()

    queued = "".join(sent)
    assert "sealed:" in queued, "this looks at the right messages"
    for hidden in (old_secret, site.secret, token, token.split(".")[1], "ada@example.com"):
        assert hidden not in written
        assert hidden not in queued
        assert base64.b64encode(hidden.encode()).decode() not in queued


@contextmanager
def _everything_sent_to(broker_url: str) -> Iterator[list[str]]:
    """Every command that the broker executes in the block, message bodies decoded beside it."""
    sent: list[str] = []
    with redis.Redis.from_url(broker_url) as client, client.monitor() as monitor:
        database = client.connection_pool.connection_kwargs["db"]

        def listen() -> None:
            for command in monitor.listen():
                if mark in command["command"]:
                    return
                if command["db"] == database:
                    sent.append(command["command"])
                    sent.extend(_bodies(command["command"]))

        mark = secrets.token_hex(8)
        with ThreadPoolExecutor(1) as pool:
            listening = pool.submit(listen)
            try:
                yield sent
            finally:
                client.publish(mark, "over")
                listening.result(LISTENING_SECONDS)


def _bodies(command: str) -> Iterator[str]:
    """Celery's message bodies are base64 inside JSON."""
    for found in re.findall(r'body[^:]*: *[\\\\]*"([A-Za-z0-9+/=]{40,})', command):
        yield base64.b64decode(found).decode(errors="replace")
