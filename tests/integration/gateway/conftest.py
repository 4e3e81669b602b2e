"""One gateway, one real Redis and one scripted worker for each test."""

import base64
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from config.settings import GatewaySettings, load
from domain.cards import Card, Limits
from domain.ids import ProjectId
from gateway.app import make_gateway
from gateway.lanes import LaneBounds
from gateway.node import NodePatience
from storage.redis.client import Redis, connect
from tests.integration.gateway.running import RunningGateway
from tests.integration.gateway.scripted_worker import ScriptedWorker

PATIENCE_SECONDS = 60.0
PATIENT = NodePatience(
    hello_seconds=PATIENCE_SECONDS,
    publication_seconds=PATIENCE_SECONDS,
    lanes=LaneBounds(expires_seconds=PATIENCE_SECONDS),
)
"""Gives nobody up because the machine stood still for a moment."""

SHORT_LIVED = replace(PATIENT, lanes=LaneBounds(expires_seconds=0.3))
SWEEP_SECONDS = 0.3

Publish = Callable[..., ProjectId]


@pytest.fixture(scope="session")
def keys() -> tuple[bytes, bytes]:
    """A queue key and a device key."""
    return secrets.token_bytes(32), secrets.token_bytes(32)


@pytest.fixture
def settings(redis_url: str, keys: tuple[bytes, bytes]) -> GatewaySettings:
    """As a gateway's environment would give them."""
    queue_key, device_key = (base64.urlsafe_b64encode(key).decode() for key in keys)
    return load(
        GatewaySettings,
        {
            "WIDGET_AUTH_REDIS_URL": redis_url,
            "WIDGET_AUTH_QUEUE_KEYS": queue_key,
            "WIDGET_AUTH_DEVICE_KEYS": device_key,
            "WIDGET_AUTH_NODE_ID": "tested",
            "WIDGET_AUTH_SWEEP_SECONDS": str(SWEEP_SECONDS),
        },
    )


@pytest.fixture
def patience() -> NodePatience:
    """More than the contract's, unless a test asks for another."""
    return PATIENT


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client as workers have it."""
    client = connect(redis_url)
    yield client
    client.close()


@pytest.fixture
def worker(settings: GatewaySettings, keys: tuple[bytes, bytes]) -> Iterator[ScriptedWorker]:
    """Answers what the gateway asks."""
    worker = ScriptedWorker(settings.redis_url, settings.broker_url, keys)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def gateway(settings: GatewaySettings, patience: NodePatience) -> Iterator[RunningGateway]:
    """Serves, and is stopped gracefully."""
    running = RunningGateway(make_gateway(settings, patience))
    yield running
    running.stop()


@pytest.fixture
def a_project(worker: ScriptedWorker) -> Publish:
    """Publishes a fresh project's card."""

    def publish(
        epoch: int = 1, origins: tuple[str, ...] = (), limits: Limits | None = None
    ) -> ProjectId:
        project_id = ProjectId(str(uuid.uuid4()))
        worker.publish(Card(project_id, epoch, 1, origins, limits or Limits()))
        return project_id

    return publish


@pytest.fixture
def project(a_project: Publish) -> ProjectId:
    """A project at epoch 1 that admits every origin."""
    return a_project()
