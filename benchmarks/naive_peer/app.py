"""The naive worker: `celery -A benchmarks.naive_peer.app worker -P solo -Q naive`.

One task for each verification. It runs Celery as it comes, but for results, which nobody reads
(keeping them would cost it a third more). This module as a program enqueues.
"""

import os

from celery import Celery
from celery.signals import worker_ready

from benchmarks.naive_peer import verification
from benchmarks.naive_peer.feed import feed
from benchmarks.naive_peer.names import QUEUE, TASK
from config.readiness import announce_ready

app = Celery("naive", broker=os.environ["WIDGET_AUTH_REDIS_URL"])
app.conf.task_default_queue = QUEUE


@app.task(name=TASK, ignore_result=True)
def verify(request_id: int, project_id: str, device_id: str, token: str) -> None:
    """The token has been verified."""
    verification.verify(request_id, project_id, device_id, token)


@worker_ready.connect
def _announce_ready(**_signal: object) -> None:
    announce_ready()


if __name__ == "__main__":
    feed(lambda *arguments: app.send_task(TASK, arguments, queue=QUEUE, ignore_result=True))
