"""The base of every task: one canonical log line, and errors told apart by what helps."""

import inspect
import time
from typing import Any

import structlog
from celery import Task

from domain.errors import StorageUnavailable
from workers.occurrences import message_refused, task_ran

log = structlog.get_logger(__name__)


class WidgetAuthTask(Task):  # type: ignore[type-arg]
    """Runs a use case and says how that went.

    Nothing is retried through the broker: what SQL holds as undone, the sweep finds again, and a
    request that a visitor made is repeated by the client. A message that brings a task down is
    told of.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The task has run; one that found nothing to do says so at debug level only."""
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(task=self.name, task_id=self.request.id):
            if not self._admits(args, kwargs):
                message_refused.send(sender=self.app, task=self.name, because="arguments_unknown")
                return None
            try:
                result = super().__call__(*args, **kwargs)
            except StorageUnavailable:
                log.warning("task_store_unavailable", seconds=_since(started), exc_info=True)
                return None
            except Exception as error:
                if kwargs:  # those without arguments are ticks: there is nothing wrong with them
                    because = type(error).__name__
                    message_refused.send(sender=self.app, task=self.name, because=because)
                raise
            said = log.info if any((result or {}).values()) else log.debug
            said("task_finished", seconds=_since(started), **(result or {}))
            task_ran.send(sender=self.app, queue=queue_of(self))
            return None

    def _admits(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the message has the arguments that the task takes."""
        try:
            inspect.signature(self.run).bind(*args, **kwargs)
        except TypeError:
            return False
        return True


def queue_of(task: "Task[Any, Any]") -> str:
    """The queue out of which the message came that this task runs for."""
    return str((task.request.delivery_info or {}).get("routing_key"))


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
