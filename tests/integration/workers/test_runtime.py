"""What a worker opens is one process's."""

from base64 import urlsafe_b64encode

from celery.signals import worker_process_init

from config.celery_app import make_celery
from config.publisher import Publisher
from config.settings import WorkerSettings, load
from storage.redis.health import read_clock
from storage.sql.engine import now_of
from workers.listening import listen
from workers.runtime import Runtime

KEY = urlsafe_b64encode(bytes(32)).decode()


def test_a_forked_process_opens_stores_of_its_own(database_url: str, redis_url: str) -> None:
    """Those that were open before are left alone: the parent still uses them, connections and all.

    A parent has them open once it has parked a message that nobody understands.
    """
    settings = load(
        WorkerSettings,
        {
            "WIDGET_AUTH_DATABASE_URL": database_url,
            "WIDGET_AUTH_REDIS_URL": redis_url,
            **{f"WIDGET_AUTH_{name}_KEYS": KEY for name in ("SEALING", "QUEUE", "DEVICE")},
        },
    )
    app = make_celery(redis_url)
    runtime = Runtime(settings, Publisher(app))
    listen(app, runtime)
    runtime.poison.note("unknown", "task_unknown")
    parents, notes = runtime.stores, runtime.poison

    worker_process_init.send(sender="worker")

    assert runtime.stores is not parents
    assert runtime.poison is not notes
    for stores in (runtime.stores, parents):
        with stores.database.reading() as db:
            assert now_of(db)
        assert read_clock(stores.redis)
        stores.close()
    runtime.publisher.close()
