import pytest

from config import queues
from config.celery_app import make_celery

BROKERS = ["redis://localhost:6379/1", "amqp://localhost"]


NAMES = {value for name, value in vars(queues).items() if name.isupper() and type(value) is str}
TASKS = NAMES - set(queues.QUEUES)


def test_every_task_has_a_queue() -> None:
    """A task without a queue would wait where no worker looks."""
    assert set(queues.QUEUE_OF) == TASKS
    assert set(queues.QUEUE_OF.values()) == set(queues.QUEUES)


def test_revocations_share_no_queue_with_verifications() -> None:
    """A flood of sign-ins never delays a revocation."""
    assert queues.QUEUE_OF[queues.TOKENS_REVOKE] != queues.QUEUE_OF[queues.VISITORS_VERIFY]


@pytest.mark.parametrize("broker_url", BROKERS)
def test_the_app_accepts_json_only_and_keeps_no_results(broker_url: str) -> None:
    """A message can neither carry code nor leave a payload in a result store."""
    app = make_celery(broker_url)

    assert app.conf.accept_content == ["json"]
    assert app.conf.task_protocol == 2
    assert app.conf.task_ignore_result
    assert type(app.backend).__name__ == "DisabledBackend"


@pytest.mark.parametrize("broker_url", BROKERS)
def test_a_message_of_a_killed_worker_comes_back(broker_url: str) -> None:
    """It is acknowledged late, and rejected into the queue when the worker is lost."""
    app = make_celery(broker_url)

    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


@pytest.mark.parametrize(("task", "queue"), queues.QUEUE_OF.items())
def test_the_app_routes_by_name(task: str, queue: str) -> None:
    """No sender needs the task's code."""
    app = make_celery(BROKERS[0])

    assert app.amqp.router.route({}, task)["queue"].name == queue
