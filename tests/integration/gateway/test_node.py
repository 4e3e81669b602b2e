"""The node's own life: its lease, its losses, its end, and what it tells about itself."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from config.settings import GatewaySettings
from domain.cards import Card, Limits
from domain.ids import ProjectId
from gateway.app import make_gateway
from gateway.lease import TRUSTED_SECONDS
from gateway.node import NodePatience, new_node_id
from storage.redis.client import Redis
from storage.redis.leases import list_nodes
from storage.redis.sessions import count_by_generation, list_sessions
from tests.integration.gateway.conftest import PATIENT
from tests.integration.gateway.running import RunningGateway
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.servers.redis import RedisServer
from tests.waiting import wait_until


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server that a test may pause, restart and kill."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


def test_a_node_is_known_by_its_lease_until_it_stops(
    settings: GatewaySettings, patience: NodePatience, redis: Redis
) -> None:
    """The id is of one process life; the lease ends with it."""
    running = RunningGateway(make_gateway(settings, patience))
    node_id = running.node_id
    assert node_id.startswith("tested-")
    wait_until(lambda: list_nodes(redis) == {node_id: True})

    running.stop()

    assert list_nodes(redis) == {node_id: False}


def test_no_two_process_lives_have_the_same_id() -> None:
    """Whether the id is configured or random."""
    assert len({new_node_id("a") for _ in range(9)} | {new_node_id(None) for _ in range(9)}) == 18


def test_a_stop_is_graceful(
    settings: GatewaySettings,
    patience: NodePatience,
    worker: ScriptedWorker,
    redis: Redis,
    project: ProjectId,
) -> None:
    """Every socket gets 1012 with a time to come back, and Redis has no session left."""
    running = RunningGateway(make_gateway(settings, patience))
    with running.widget(project) as anonymous, running.widget(project) as signed_in:
        anonymous.hello()
        signed_in.hello()
        signed_in.sign_in(a_token())

        running._server.should_exit = True
        reasons = [widget.close_reason() for widget in (anonymous, signed_in)]

    running.stop()
    assert [code for code, _ in reasons] == [1012, 1012]
    assert {reason["code"] for _, reason in reasons} == {"restarting"}
    assert all(reason["retry_after_ms"] >= 500 for _, reason in reasons)
    assert count_by_generation(redis, project) == {}


def test_a_gateway_that_stops_before_its_server_leaves_nothing_either(
    gateway: RunningGateway, worker: ScriptedWorker, redis: Redis, project: ProjectId
) -> None:
    """Sockets get their 1012 from the node itself, and new ones are turned away."""
    with gateway.widget(project) as widget:
        widget.hello()

        gateway.stop_gateway()

        assert widget.close_reason()[0] == 1012
        assert count_by_generation(redis, project) == {}
        assert gateway.get("/readyz")[0] == 503
        with pytest.raises(InvalidStatus), gateway.widget(project):
            pass


def test_http_tells_health_readiness_and_figures(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """And nothing else is there."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.sign_in(a_token())
        widget.sign_in("nonsense")

        assert gateway.get("/healthz")[0] == 200
        assert gateway.get("/readyz")[0] == 200
        assert gateway.get("/")[0] == 404
        assert gateway.figure("sockets_open") == 1
        assert gateway.figure('sessions{state="signed_in"}') == 1
        assert gateway.figure("sign_ins_total") == 1
        assert gateway.figure('refusals_total{code="token_malformed"}') == 1
        assert gateway.figure("lease_held") == 1


def test_the_process_holds_neither_sql_nor_use_cases() -> None:
    """What faces the internet cannot leak what it does not have."""
    program = """
import sys
import gateway.app
from config.settings import GatewaySettings
bad = [m for m in sys.modules if m.split(".")[0] in {"sqlalchemy", "services", "workers", "psycopg"}
       or m.startswith("storage.sql")]
assert not bad, bad
assert "sealing_keys" not in GatewaySettings.model_fields
assert "database_url" not in GatewaySettings.model_fields
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)


def test_a_node_cut_off_from_redis_lets_nobody_act_past_its_lease(
    own_redis: RedisServer,
    settings: GatewaySettings,
    patience: NodePatience,
    keys: tuple[bytes, bytes],
) -> None:
    """Signed-in sockets are closed with 1013, anonymous ones stay, sign-ins wait.

    The node trusts its lease for two thirds of its length from when it last asked, so no longer
    than that from when nobody answers any more.
    """
    own = settings.model_copy(
        update={"redis_url": own_redis.url, "broker_url": own_redis.url.replace("/0", "/1")}
    )
    worker = ScriptedWorker(own.redis_url, own.broker_url, keys)
    worker.start()
    running = RunningGateway(make_gateway(own, patience))
    project = _published(worker, Limits(sign_ins_per_socket=100_000))
    try:
        with running.widget(project) as signed_in, running.widget(project) as anonymous:
            signed_in.hello()
            signed_in.sign_in(a_token())
            anonymous.hello()
            own_redis.pause()
            cut_off_at = time.monotonic()

            code, reason = signed_in.close_reason()

            assert (code, reason["code"]) == (1013, "try_again")
            assert running.trusted_until <= cut_off_at + TRUSTED_SECONDS
            assert anonymous.is_answering()
            assert anonymous.sign_in(a_token())["code"] == "unavailable"
            assert running.get("/readyz")[0] == 503
            own_redis.resume()
            wait_until(lambda: running.get("/readyz")[0] == 200)
            wait_until(lambda: anonymous.sign_in(a_token())["type"] == "signed_in")
    finally:
        own_redis.resume()
        running.stop()
        worker.stop()


def test_records_that_redis_lost_are_written_anew(
    own_redis: RedisServer,
    settings: GatewaySettings,
    patience: NodePatience,
    keys: tuple[bytes, bytes],
) -> None:
    """A Redis that comes back empty learns of every live session; the dead stay out."""
    own = settings.model_copy(
        update={"redis_url": own_redis.url, "broker_url": own_redis.url.replace("/0", "/1")}
    )
    worker = ScriptedWorker(own.redis_url, own.broker_url, keys)
    worker.start()
    running = RunningGateway(make_gateway(own, patience))
    project = _published(worker)
    try:
        with (
            running.widget(project) as kept,
            running.widget(project) as revoked,
            running.widget(project) as anonymous,
        ):
            kept.hello()
            kept.sign_in(a_token(generation=2))
            revoked.hello()
            revoked.sign_in(a_token(generation=1))
            welcome = anonymous.hello()
            worker.stop()
            own_redis.restart()
            worker = ScriptedWorker(own.redis_url, own.broker_url, keys)
            worker.cards[project] = Card(project, 2, 1)  # it may be asked at once
            worker.start()

            worker.publish(worker.cards[project])

            assert revoked.close_reason()[0] == 4401
            counts = {None: 1, 2: 1}
            wait_until(lambda: count_by_generation(worker._client, project) == counts)
            stored = list(list_sessions(worker._client, project))
            assert {s.session_id for s in stored if s.generation is None} == {welcome["session"]}
            assert kept.is_answering()
    finally:
        running.stop()
        worker.stop()


def test_records_are_written_again_a_sweep_after_a_lease_was_lost(
    settings: GatewaySettings, patience: NodePatience, worker: ScriptedWorker, redis: Redis
) -> None:
    """The worker that took the node for dead was still at it when it wrote them the first time.

    Where this test is late itself, both came before it dropped them again: then it looks anew.
    """
    slow = settings.model_copy(update={"sweep_seconds": 1.0})
    running = RunningGateway(make_gateway(slow, patience))
    project = _published(worker)

    def drop_records() -> None:
        redis.delete(*redis.keys(f"{{{project}}}:s:*"), f"{{{project}}}:buckets")

    def are_there() -> bool:
        return count_by_generation(redis, project) == {None: 1}

    def are_written_twice() -> bool:
        redis.delete(f"{{{running.node_id}}}:lease")
        drop_records()
        wait_until(are_there)
        drop_records()
        late = time.monotonic() + 5 * slow.sweep_seconds
        wait_until(lambda: are_there() or time.monotonic() > late)
        return are_there()

    try:
        with running.widget(project) as widget:
            widget.hello()
            wait_until(are_written_twice)
            assert widget.is_answering()
    finally:
        running.stop()


def test_silent_peers_are_dropped(settings: GatewaySettings, worker: ScriptedWorker) -> None:
    """Nothing for two heartbeats, not even a ping of the protocol's own.

    Where this machine stood still for so long, the pinging one was silent too: then once more.
    """
    running = RunningGateway(make_gateway(settings, replace(PATIENT, silent_seconds=0.5)))
    project = _published(worker)

    def only_the_silent_one_is_dropped() -> bool:
        with (
            running.widget(project, ping_interval=0.05) as pinging,
            running.widget(project, ping_interval=None) as silent,
        ):
            with suppress(ConnectionClosed):
                pinging.hello()
            silent.say({"type": "hello"})
            assert silent.close_reason(passing_over={"welcome"})[0] == 1013
            with suppress(ConnectionClosed):
                return pinging.is_answering()
            return False

    try:
        wait_until(only_the_silent_one_is_dropped)
    finally:
        running.stop()


def _published(worker: ScriptedWorker, limits: Limits | None = None) -> ProjectId:
    project = ProjectId(str(uuid.uuid4()))
    worker.publish(Card(project, 1, 1, (), limits or Limits()))
    return project
