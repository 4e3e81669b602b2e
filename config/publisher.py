from collections.abc import Mapping

from celery import Celery
from kombu import Connection
from kombu.connection import ConnectionPool
from kombu.exceptions import KombuError
from kombu.pools import ProducerPool
from redis.exceptions import RedisError

from config.queues import QUEUE_OF

CONNECTIONS = 8
_STEP_TIMEOUT_SECONDS = 0.9  # connecting and writing are one step each: within 2 s together

_IMPATIENT: dict[str, float] = {"max_retries": 0, "interval_start": 0, "interval_step": 0}
_IMPATIENT_REDIS: dict[str, float] = {
    "socket_timeout": _STEP_TIMEOUT_SECONDS,
    "socket_connect_timeout": _STEP_TIMEOUT_SECONDS,
    "health_check_interval": 0,
}


class PublishFailed(ConnectionError):
    """The broker did not take the message; whether it arrived is unknown."""

    def __init__(self, task: str) -> None:
        super().__init__((type(self).__doc__ or "").strip())
        self.task = task


class Publisher:
    """Sends tasks by name to their queue, from any thread, over a few connections of its own.

    Neither the arguments nor their representation appear in a message's headers.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connections = _connection_pool(app)
        self._producers = ProducerPool(self._connections, limit=CONNECTIONS)

    def __call__(
        self, task: str, payload: Mapping[str, object], *, expires_seconds: float | None = None
    ) -> None:
        """The message lies in the task's queue; a worker drops it when it is older than asked.

        Blocks up to 2 s, so never call it on an event loop.

        Raises:
            PublishFailed: the broker did not answer in time, or refused.
        """
        try:
            with self._producers.acquire(block=True, timeout=_STEP_TIMEOUT_SECONDS) as producer:
                self._app.send_task(
                    task,
                    kwargs=dict(payload),
                    queue=QUEUE_OF[task],
                    producer=producer,
                    expires=expires_seconds,
                    argsrepr="()",
                    kwargsrepr="{…}",
                    ignore_result=True,
                    retry=False,
                )
        except (KombuError, RedisError, OSError) as error:
            raise PublishFailed(task) from error

    def close(self) -> None:
        """No connection of this publisher is open."""
        self._connections.force_close_all()


def _connection_pool(app: Celery) -> ConnectionPool:
    options = dict(_IMPATIENT)
    if str(app.conf.broker_url).startswith("redis"):
        options |= _IMPATIENT_REDIS
    connection: Connection = app.connection_for_write(
        connect_timeout=_STEP_TIMEOUT_SECONDS, transport_options=options
    )
    return connection.Pool(limit=CONNECTIONS)
