"""The outbox as a feed, and its end: events that are done are kept for a month."""

import time
from datetime import timedelta

from domain.events import OutboxEvent
from domain.ids import ProjectId
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import outbox, projects

KEPT = timedelta(days=30)
ERASED_AT_ONCE = 2_000
ERASING_SECONDS = 0.5  # of every sweep: its worker has more to do


def read_events(
    stores: Stores, project_id: ProjectId, *, limit: int, after: str | None = None
) -> list[OutboxEvent]:
    """Up to `limit` events, oldest first, newer than the given one; at most a month back.

    Raises:
        ProjectNotFound: there is no such project.
    """
    with stores.database.reading() as db:
        projects.get_project(db, project_id)
        return outbox.list_events(db, project_id, limit=limit, after=after)


def erase_old_events(
    stores: Stores, at_once: int = ERASED_AT_ONCE, seconds: float = ERASING_SECONDS
) -> int:
    """Of the events that are done and older than a month the oldest are gone; all, if time allows.

    Args:
        stores: where they are.
        at_once: how many are erased in one transaction.
        seconds: how long this goes on; at least one transaction is run.

    Returns:
        How many were erased.
    """

    def use_case(transaction: Transaction) -> int:
        return outbox.erase_done(transaction.db, transaction.now - KEPT, at_once)

    until = time.monotonic() + seconds
    erased = last = stores.transactor.run(use_case)
    while last == at_once and time.monotonic() < until:
        last = stores.transactor.run(use_case)
        erased += last
    return erased
