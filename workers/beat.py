"""The sweep: what beat ticks. Tasks look for themselves, so any number of beats is safe."""

from typing import Any

from config import queues

SWEPT = (
    queues.OUTBOX_RELAY,
    queues.ROTATIONS_RUN_DUE,
    queues.ROTATIONS_SETTLE,
    queues.PROJECTS_PUBLISH,
    queues.SESSIONS_REAP,
)


# Long, so that neither a busy worker nor a clock that is minutes ahead drops a tick; short enough
# that few wait for a worker that was away. Running one twice changes nothing.
TICK_EXPIRES_SECONDS = 60 + queues.CLOCKS_APART_SECONDS


def beat_schedule(sweep_seconds: float) -> dict[str, dict[str, Any]]:
    """Each task of the sweep, once in so many seconds; a tick nobody took in time is dropped.

    Every queue has a tick of its own, which shows that somebody takes tasks out of it.
    """
    swept = {task: _tick(task, queues.QUEUE_OF[task], sweep_seconds) for task in SWEPT}
    shown = {
        f"{queues.HEALTH_TICK} {queue}": _tick(queues.HEALTH_TICK, queue, sweep_seconds)
        for queue in queues.QUEUES
    }
    return swept | shown


def _tick(task: str, queue: str, every_seconds: float) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": every_seconds,
        "options": {
            "queue": queue,
            "expires": TICK_EXPIRES_SECONDS,
            "argsrepr": "()",
            "kwargsrepr": "{}",
        },
    }
