"""The base of every task: one canonical log line, and errors told apart by what helps."""

import time
from typing import Any

import structlog
from celery import Task

from domain.errors import StorageUnavailable

log = structlog.get_logger(__name__)


class WidgetAuthTask(Task):  # type: ignore[type-arg]
    """Runs a use case and says how that went.

    Nothing is retried through the broker: what SQL holds as undone, the sweep finds again, and a
    request that a visitor made is repeated by the client.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The task has run; one that found nothing to do says so at debug level only."""
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(task=self.name, task_id=self.request.id):
            try:
                result = super().__call__(*args, **kwargs)
            except StorageUnavailable:
                log.warning("task_store_unavailable", seconds=_since(started), exc_info=True)
                return None
            said = log.info if any((result or {}).values()) else log.debug
            said("task_finished", seconds=_since(started), **(result or {}))
            return None


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
