"""The tasks of the sweep, as beat ticks them and as anybody else may ask for them."""

from collections.abc import Callable, Iterator

import pytest
from celery import Celery

from config import queues
from config.celery_app import make_celery
from tests.integration.scenes import add_project
from workers.beat import SWEPT
from workers.occurrences import message_refused, task_ran
from workers.runtime import Runtime
from workers.tasks import register_tasks


@pytest.fixture
def app(runtime: Runtime, redis_url: str) -> Celery:
    """A worker's, with every task."""
    made = make_celery(redis_url)
    register_tasks(made, runtime)
    return made


@pytest.fixture
def told(app: Celery) -> Iterator[list[str]]:
    """What became of each message."""
    happened: list[str] = []

    def refuse(because: str, **_signal: object) -> None:
        happened.append(because)

    def run(**_signal: object) -> None:
        happened.append("ran")

    message_refused.connect(refuse, sender=app)
    task_ran.connect(run, sender=app)
    yield happened
    message_refused.disconnect(refuse, sender=app)
    task_ran.disconnect(run, sender=app)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # Celery has each task once
def test_each_may_be_asked_for_one_project(app: Celery, runtime: Runtime, told: list[str]) -> None:
    """As for all; by what the contract calls it, and by nothing else."""
    project_id = add_project(runtime.stores.transactor)

    for name in (*SWEPT, queues.HEALTH_TICK):
        for arguments in ({}, {"project_id": project_id}, {"project": project_id}):
            _run(app.tasks[name], queues.QUEUE_OF[name], arguments)

    assert told == ["ran", "ran", "arguments_unknown"] * 6


def _run(task: Callable[..., object], queue: str, arguments: dict[str, str]) -> None:
    """As a worker runs the task when its message has come out of that queue."""
    task.push_request(delivery_info={"routing_key": queue})  # type: ignore[attr-defined]
    try:
        task(**arguments)
    finally:
        task.pop_request()  # type: ignore[attr-defined]
