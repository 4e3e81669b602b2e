"""The Celery app of every process. It sends by name and knows no task's code."""

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init, worker_ready

from config.queues import QUEUE_OF
from config.readiness import announce_ready
from config.stopping import end_busy_at_the_second_signal

VISIBILITY_TIMEOUT_SECONDS = 150
BROKER_SOCKET_TIMEOUT_SECONDS = 5.0
BROKER_CONNECT_TIMEOUT_SECONDS = 2.0
BROKER_HEALTH_CHECK_SECONDS = 5


def make_celery(broker_url: str) -> Celery:
    """An app that speaks JSON over the broker and keeps no results.

    A message is acknowledged when its task has ended, and comes back after
    `VISIBILITY_TIMEOUT_SECONDS` if the worker died with it; tasks are therefore idempotent.
    """
    app = Celery("widget-auth", broker=broker_url, set_as_current=False)
    app.conf.update(_FORM)
    app.conf.update(_DELIVERY)
    app.conf.update(_OUTPUT)
    if broker_url.startswith("redis"):
        app.conf.broker_transport_options = dict(_REDIS_TRANSPORT)
    return app


@worker_ready.connect
@beat_init.connect
def _announce_ready(**_signal: object) -> None:
    announce_ready()


@worker_init.connect
@beat_init.connect
def _stop_at_the_second_signal(**_signal: object) -> None:
    """Celery waits for the task in hand however long that takes, and whoever tells it again."""
    end_busy_at_the_second_signal()


@setup_logging.connect
def _leave_logs_alone(**_signal: object) -> None:
    """Celery sets up no logs of its own where this answers; `config.logs` has."""


_FORM = {
    "task_protocol": 2,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_routes": {task: {"queue": queue} for task, queue in QUEUE_OF.items()},
    "timezone": "UTC",
    "enable_utc": True,
}

_DELIVERY = {
    "result_backend": None,
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": BROKER_CONNECT_TIMEOUT_SECONDS,
}

_OUTPUT = {
    "worker_send_task_events": False,
    "task_send_sent_event": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
}

_REDIS_TRANSPORT = {
    "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
    "socket_timeout": BROKER_SOCKET_TIMEOUT_SECONDS,
    "socket_connect_timeout": BROKER_CONNECT_TIMEOUT_SECONDS,
    "socket_keepalive": True,
    # Short, or a worker whose connection died silently looks alive and consumes nothing.
    "health_check_interval": BROKER_HEALTH_CHECK_SECONDS,
}
