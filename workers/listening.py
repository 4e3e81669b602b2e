"""What happens in a worker is noted where operators see it."""

import structlog
from celery import Celery
from celery.signals import worker_process_init

from config.queues import QUEUE_OF, QUEUES
from domain.errors import StorageUnavailable
from workers.occurrences import message_refused, task_ran
from workers.runtime import Runtime

log = structlog.get_logger(__name__)

UNKNOWN_TASK = "unknown"


def listen(app: Celery, runtime: Runtime) -> None:
    """Refused messages are parked, and Redis knows when a task of each queue ran.

    The first poison that comes opens the stores in the process that takes messages; one that it
    forks later to run tasks opens its own.
    """

    def park(task: str, because: str, **_signal: object) -> None:
        runtime.poison.note(task if task in QUEUE_OF else UNKNOWN_TASK, because)

    def note_run(queue: str, **_signal: object) -> None:
        if queue not in QUEUES:
            return
        try:
            runtime.pulse.ran(queue)
        except StorageUnavailable:
            log.warning("task_run_not_noted", queue=queue)

    def begin(**_signal: object) -> None:
        runtime.leave_to_parent()

    worker_process_init.connect(begin, weak=False)
    message_refused.connect(park, sender=app, weak=False)
    task_ran.connect(note_run, sender=app, weak=False)
