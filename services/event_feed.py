"""The outbox as a feed, and its end: events that are done are kept for a month."""

from datetime import timedelta

from domain.events import OutboxEvent
from domain.ids import ProjectId
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import outbox, projects

KEPT = timedelta(days=30)
ERASED_AT_ONCE = 2_000


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


def erase_old_events(stores: Stores) -> int:
    """A bounded number of events, done and older than a month, are gone; returns how many were."""

    def use_case(transaction: Transaction) -> int:
        return outbox.erase_done(transaction.db, transaction.now - KEPT, ERASED_AT_ONCE)

    return stores.transactor.run(use_case)
