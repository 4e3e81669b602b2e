"""Projects that nobody can write into for a while, so that whoever wants to has work in hand."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import redis
from sqlalchemy.engine import Connection

from config.queues import VISITORS_VERIFY
from config.settings import WorkerSettings, load
from domain.ids import ProjectId
from storage.sql.engine import Database
from storage.sql.projects import lock_project
from tests.acceptance.sites import Site
from tests.acceptance.system import System
from tests.waiting import wait_until

GRACE_SECONDS = 60.0


@contextmanager
def locked(database: Database, site: Site) -> Iterator[Callable[[], None]]:
    """Whoever wants to write into the project waits; gives a way to let them go on."""
    held, over = threading.Event(), threading.Event()

    def hold(db: Connection) -> None:
        lock_project(db, ProjectId(site.project_id))
        held.set()
        over.wait(GRACE_SECONDS)

    holding = threading.Thread(target=database.write, args=(hold,))
    with ExitStack() as stack:
        holding.start()
        stack.callback(holding.join)
        stack.callback(over.set)
        assert held.wait(GRACE_SECONDS)
        yield over.set


def until_in_hand(system: System) -> None:
    """A worker has taken a verification from the broker, and not finished it."""
    url = load(WorkerSettings, system.environ).broker_url
    with redis.Redis.from_url(url) as broker:
        wait_until(
            lambda: VISITORS_VERIFY in _tasks_of(broker.hvals("unacked")), "a verification in hand"
        )


def _tasks_of(unacknowledged: Iterable[bytes]) -> set[str]:
    """What the messages are that workers have taken: every queue has its ticks, too."""
    return {json.loads(one)[0]["headers"]["task"] for one in unacknowledged}
