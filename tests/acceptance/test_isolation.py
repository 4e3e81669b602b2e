"""What must not get out, of the gateway, queues and logs; and what forged messages cannot do."""

import asyncio
import secrets
from pathlib import Path

import psutil
import redis

from config.celery_app import make_celery
from config.publisher import Publisher
from config.queues import TOKENS_REVOKE
from tests.acceptance.sites import Site, make_site
from tests.acceptance.system import System


def test_the_gateway_has_neither_sql_nor_sealing_keys(site: Site) -> None:
    """A running gateway has not loaded SQLAlchemy and holds no sealing key or shared secret."""

    async def use_it() -> None:
        async with site.widget() as widget:
            await widget.signed_in(site.token())

    asyncio.run(use_it())
    gateway = psutil.Process(site.system.processes["gateway-1"].pid)
    files = [mapped.path for mapped in gateway.memory_maps()]
    assert any("picows" in path for path in files), "this looks at the right process"
    assert not [path for path in files if "sqlalchemy" in path or "psycopg" in path]
    memory = _memory_of(gateway.pid)
    assert site.project_id.encode() in memory, "this reads the right memory"
    assert site.secret.encode() not in memory


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
            other = make_site(site.system)  # its regenerate runs behind the forged message
            await asyncio.to_thread(other.regenerate)
            assert await widget.is_alive()
            await widget.signed_in(token)

    asyncio.run(story())
    publisher.close()
    assert f'"event_id": "{forged}"' in site.system.logs()


def _broker(system: System) -> str:
    return system.environ["WIDGET_AUTH_REDIS_URL"].replace("/0", "/1")


def test_no_secret_or_token_in_queues_and_logs(site: Site) -> None:
    """Neither a queue message, its headers, Redis' live state nor any log shows one."""
    old_secret, token = site.secret, site.token(email="ada@example.com")
    worker = site.system.processes["verification"]

    async def story() -> bytes:
        async with site.widget() as widget:
            worker.pause()
            try:
                await widget.send({"type": "sign_in", "id": "1", "token": token})
                queued = await _queued_message(site.system)
            finally:
                worker.resume()
            assert (await widget.expect("signed_in"))["visitor"]["email"] == "ada@example.com"
            return queued

    queued = asyncio.run(story())
    site.regenerate()
    written = site.system.logs()

    assert b"sealed:" in queued
    body = token.split(".")[1]
    for hidden in (old_secret, site.secret, token, body, "ada@example.com"):
        assert hidden not in written
        assert hidden.encode() not in queued


async def _queued_message(system: System) -> bytes:
    """The message that waits for a verification worker."""
    with redis.Redis.from_url(_broker(system)) as broker:
        async with asyncio.timeout(4):
            while not (messages := broker.lrange("verification", 0, -1)):
                await asyncio.sleep(0.01)
    found: bytes = messages[0]
    return found
