"""Told once to stop, every process finishes what it has in hand; told twice, it ends at once.

On SQLite, whose locks no signal interrupts; with WIDGET_AUTH_LONG_TESTS=1 on PostgreSQL too.
"""

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

import httpx
import pytest
import sqlalchemy as sa

from config.queues import VERIFICATION
from config.settings import WorkerSettings, load
from storage.sql.engine import Database, open_database
from storage.sql.tables import visitors
from tests.acceptance.floods import Flood
from tests.acceptance.locked_projects import GRACE_SECONDS, in_hand, locked, until_in_hand
from tests.acceptance.processes import RunningProcess
from tests.acceptance.sites import Site
from tests.acceptance.system import System
from tests.acceptance.widget import STOOD_STILL_SECONDS, Widget, open_socket
from tests.servers.databases import USUAL_KINDS
from tests.servers.redis import RedisServer
from tests.waiting import wait_until

LISTENING_SECONDS = 0.3
SOCKETS = 20
QUEUED = 2_560
SWEEP_SECONDS = 1.0
ATTEMPTS = 3
BY_THE_SIGNAL = {-signal.SIGTERM, 128 + signal.SIGTERM}
IDLE = ("revocation-1", "maintenance", "beat")

pytestmark = pytest.mark.parametrize("system", USUAL_KINDS, indirect=True, scope="module")


@pytest.fixture
def database(system: System) -> Iterator[Database]:
    """The system's database, opened by the test."""
    opened = open_database(system.environ["WIDGET_AUTH_DATABASE_URL"])
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def all_run_again(system: System) -> Iterator[None]:
    """What a test has stopped runs again."""
    yield
    for name, process in list(system.processes.items()):
        if process.process.poll() is not None:
            system.restart(name)


def test_who_has_nothing_to_do_ends_at_once(system: System) -> None:
    """Workers, beat: one signal, exit code 0, no waiting."""
    for name in IDLE:
        process = system.processes[name]
        assert process.stop() == 0, name


def test_dashboard_answers_the_request_in_hand(site: Site, database: Database) -> None:
    """Who regenerates while it stops is shown the new secret; then it is gone."""
    dashboard = site.system.processes["dashboard"]
    with locked(database, site) as release:
        regenerating = _Regenerating(site)
        dashboard.begin_to_stop()
        with pytest.raises(subprocess.TimeoutExpired):
            dashboard.process.wait(LISTENING_SECONDS)
        release()
        assert regenerating.answer().status_code == 201
    assert dashboard.process.wait(GRACE_SECONDS) == 0


def test_dashboard_told_twice_waits_for_no_request(site: Site, database: Database) -> None:
    """The database still holds its answer back."""
    with locked(database, site):
        regenerating = _Regenerating(site)
        _ends_at_once(site.system.processes["dashboard"])
        with pytest.raises(httpx.TransportError):
            regenerating.answer()


def test_gateway_sends_everybody_away_each_at_a_time_of_its_own(site: Site) -> None:
    """1012 with a time to come back; no session is left in Redis, and no lease."""
    gateway = site.system.processes["gateway-1"]

    async def story() -> list[tuple[int, dict[str, int]]]:
        async with asyncio.TaskGroup() as group, _Widgets(site) as widgets:
            gateway.begin_to_stop()
            closings = [group.create_task(widget.closing()) for widget in widgets.open]
            return [await closing for closing in closings]

    reasons = asyncio.run(story())
    assert gateway.process.wait(GRACE_SECONDS) == 0
    assert {code for code, _ in reasons} == {1012}
    assert len({reason["retry_after_ms"] for _, reason in reasons}) > SOCKETS // 2
    assert site.get("/impact")["by_key"].get(site.key_id, 0) == 0


def test_gateway_told_twice_waits_for_no_socket(site: Site) -> None:
    """Widgets that do not answer the close would keep it for seconds."""
    gateway = site.system.processes["gateway-1"]

    async def story() -> None:
        silent = [await open_socket(site.system.socket_url(site.project_id)) for _ in range(3)]
        for socket in silent:
            socket.transport.pause_reading()
        await asyncio.to_thread(_ends_at_once, gateway)
        for socket in silent:
            socket.transport.abort()

    asyncio.run(story())


def test_worker_finishes_the_task_in_hand(site: Site, database: Database) -> None:
    """Whoever is being verified while it stops is signed in."""
    worker = site.system.processes[VERIFICATION]

    async def story() -> tuple[str, float]:
        before = in_hand(site.system)
        async with site.widget() as widget:
            with locked(database, site) as release:
                asked_at = time.monotonic()
                signing_in = asyncio.create_task(widget.sign_in(site.token()))
                await asyncio.to_thread(until_in_hand, site.system, before)
                worker.begin_to_stop()
                await asyncio.sleep(LISTENING_SECONDS)
                assert worker.process.poll() is None
                release()
                return (await signing_in)["type"], time.monotonic() - asked_at

    answer, took = asyncio.run(story())
    assert answer == "signed_in" or took > STOOD_STILL_SECONDS
    assert worker.process.wait(GRACE_SECONDS) == 0


def test_worker_told_twice_waits_for_no_task(site: Site, database: Database) -> None:
    """Its message is left to whoever comes after it, the request to the widget."""
    worker = site.system.processes[VERIFICATION]

    async def story() -> None:
        before = in_hand(site.system)
        async with site.widget() as widget:
            with locked(database, site):
                signing_in = asyncio.create_task(widget.sign_in(site.token()))
                await asyncio.to_thread(until_in_hand, site.system, before)
                await asyncio.to_thread(_ends_at_once, worker)
            assert (await signing_in)["code"] == "unavailable"

    asyncio.run(story())


def test_worker_leaves_no_message_behind(site: Site, database: Database) -> None:
    """What it had taken without having begun is with the next worker, and done once."""
    system = site.system
    worker = system.processes[VERIFICATION]
    flood = Flood(load(WorkerSettings, system.environ), [site])
    worker.pause()
    before = in_hand(system)
    flood.queue(QUEUED)
    with locked(database, site) as release:
        worker.resume()
        until_in_hand(system, before)
        worker.begin_to_stop()
        release()
    assert worker.process.wait(GRACE_SECONDS) == 0
    assert 0 < _count_visitors(database, site) < QUEUED

    system.restart(VERIFICATION)
    wait_until(lambda: _count_visitors(database, site) == QUEUED, "everybody signed in")
    flood.dry_up()


def test_beat_told_twice_waits_for_no_broker(system: System, redis_server: RedisServer) -> None:
    """It is told while it sends to a broker that does not answer.

    What it was about to send decides whether it ends at the first word or has to hear the second.
    It may also have been about to end of itself when the second came, but not again and again.
    """
    for _ in range(ATTEMPTS):
        redis_server.pause()
        try:
            time.sleep(2 * SWEEP_SECONDS)  # it has begun to send
            code = _told_twice(system.processes["beat"])
        finally:
            redis_server.resume()
        if code is None or code in BY_THE_SIGNAL:
            return
        system.restart("beat")
    pytest.fail("it waited for the broker")


class _Regenerating:
    """A regenerate that the dashboard has in hand."""

    def __init__(self, site: Site) -> None:
        self._answers: list[httpx.Response | httpx.TransportError] = []
        self._thread = threading.Thread(target=self._ask, args=(site,))
        self._sent = threading.Event()
        self._thread.start()
        assert self._sent.wait(GRACE_SECONDS)
        # What is asked after it was sent is answered after it was read.
        with site.system.admin(site.api_key) as admin:
            assert admin.get("/openapi.json").status_code == 200

    def answer(self) -> httpx.Response:
        """What came of it.

        Raises:
            TransportError: nobody answered.
        """
        self._thread.join(GRACE_SECONDS)
        [answer] = self._answers
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def _ask(self, site: Site) -> None:
        def note(event: str, _facts: object) -> None:
            if event == "http11.send_request_body.complete":
                self._sent.set()

        with site.system.admin(site.api_key) as admin:
            path = f"/projects/{site.project_id}/secrets"
            try:
                self._answers.append(admin.post(path, json={}, extensions={"trace": note}))
            except httpx.TransportError as error:
                self._answers.append(error)


class _Widgets:
    """Signed-in widgets of a site, all open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.open: list[Widget] = []

    async def __aenter__(self) -> Self:
        for number in range(SOCKETS):
            widget = await self._site.widget().__aenter__()
            await widget.signed_in(self._site.token(f"user-{number}"))
            self.open.append(widget)
        return self

    async def __aexit__(self, *_: object) -> None:
        for widget in self.open:
            await widget.__aexit__()


def _ends_at_once(process: RunningProcess) -> None:
    """Told once it is still there; told again it is not."""
    assert _told_twice(process) in BY_THE_SIGNAL


def _told_twice(process: RunningProcess) -> int | None:
    """With which code it ended; None if once was enough.

    One that the second signal has not ended ends with another code once it need not wait.
    """
    process.process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.process.wait(LISTENING_SECONDS)
        return None
    process.process.send_signal(signal.SIGTERM)
    return process.process.wait(GRACE_SECONDS)


def _count_visitors(database: Database, site: Site) -> int:
    of_site = sa.select(sa.func.count()).where(visitors.c.project_id == site.project_id)
    with database.reading() as db:
        return int(db.scalar(of_site.where(visitors.c.custom_id.is_not(None))) or 0)
