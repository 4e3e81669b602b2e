"""A worker's stores and keys, on SQLite and on PostgreSQL."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator

import pytest

from config.celery_app import make_celery
from config.publisher import Publisher
from config.settings import WorkerSettings, load
from workers.runtime import Runtime

KEY = urlsafe_b64encode(bytes(32)).decode()


@pytest.fixture
def runtime(database_url: str, redis_url: str) -> Iterator[Runtime]:
    """A worker's."""
    settings = load(
        WorkerSettings,
        {
            "WIDGET_AUTH_DATABASE_URL": database_url,
            "WIDGET_AUTH_REDIS_URL": redis_url,
            **{f"WIDGET_AUTH_{name}_KEYS": KEY for name in ("SEALING", "QUEUE", "DEVICE")},
        },
    )
    opened = Runtime(settings, Publisher(make_celery(redis_url)))
    yield opened
    opened.stores.close()
    opened.publisher.close()
