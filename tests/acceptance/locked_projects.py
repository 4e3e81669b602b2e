"""Projects that nobody can write into for a while, so that whoever wants to has work in hand."""

import json
import threading
from collections.abc import Callable, Iterator
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


def in_hand(system: System) -> set[bytes]:
    """The verifications that workers have taken from the broker and not finished.

    One that was in the hands of a worker that has died is among them, for minutes.
    """
    url = load(WorkerSettings, system.environ).broker_url
    with redis.Redis.from_url(url) as broker:
        taken = broker.hgetall("unacked")
    return {tag for tag, message in taken.items() if _task_of(message) == VISITORS_VERIFY}


def until_in_hand(system: System, before: set[bytes]) -> None:
    """A worker has taken another one than those."""
    wait_until(lambda: in_hand(system) - before, "a verification in hand")


def _task_of(message: bytes) -> str:
    """What it is for: every queue has beat's ticks, too."""
    task: str = json.loads(message)[0]["headers"]["task"]
    return task
