"""What happens in a worker is noted where operators see it."""

import structlog
from celery import Celery

from config.queues import QUEUE_OF, QUEUES
from domain.errors import StorageUnavailable
from workers.occurrences import message_refused, task_ran
from workers.runtime import Runtime

log = structlog.get_logger(__name__)

UNKNOWN_TASK = "unknown"


def listen(app: Celery, runtime: Runtime) -> None:
    """Refused messages are parked, and Redis knows when a task of each queue ran."""

    def park(task: str, because: str, **_signal: object) -> None:
        runtime.poison.note(task if task in QUEUE_OF else UNKNOWN_TASK, because)

    def note_run(queue: str, **_signal: object) -> None:
        if queue not in QUEUES:
            return
        try:
            runtime.pulse.ran(queue)
        except StorageUnavailable:
            log.warning("task_run_not_noted", queue=queue)

    message_refused.connect(park, sender=app, weak=False)
    task_ran.connect(note_run, sender=app, weak=False)
