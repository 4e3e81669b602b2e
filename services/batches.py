"""Batches of requests: few projects locked at a time, and no request fails another."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import structlog

from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from services.faults import told
from services.transactions import Transaction, Transactor
from storage.sql.projects import LOCK_AT_ONCE

log = structlog.get_logger(__name__)


class OfProject(Protocol):
    """Anything that concerns one project."""

    @property
    def project_id(self) -> ProjectId:
        """The project."""


R = TypeVar("R", bound=OfProject)
T = TypeVar("T")


def run_or_split(
    transactor: Transactor,
    requests: Iterable[R],
    use_case: Callable[[Transaction, Sequence[R]], T],
    unanswered: Callable[[Sequence[R]], T],
) -> list[T]:
    """What each transaction came to; between them they have answered every request.

    One bad request never fails another: a batch whose transaction failed for anything but an
    unavailable store is run again one by one, and the one that fails alone is left unanswered.

    Args:
        transactor: commits.
        requests: of any projects.
        use_case: answers all of a batch in one transaction.
        unanswered: what requests come to that could not be looked at.
    """

    def parts(batch: Sequence[R]) -> Iterator[T]:
        try:
            answered = transactor.run(lambda transaction: use_case(transaction, batch))
        except StorageUnavailable:
            log.warning("batch_store_unavailable", requests=len(batch))
        except Exception as error:  # noqa: BLE001 - one bad request never fails another
            log.warning("batch_failed", requests=len(batch), **told(error))
            if len(batch) > 1:
                yield from (part for request in batch for part in parts([request]))
                return
        else:
            yield answered
            return
        yield unanswered(batch)

    return [part for batch in runs_of_projects(requests, LOCK_AT_ONCE) for part in parts(batch)]


def runs_of_projects(requests: Iterable[R], most: int) -> Iterator[Sequence[R]]:
    """The requests in their order, cut into runs that each touch at most so many projects."""
    run: list[R] = []
    seen: set[ProjectId] = set()
    for request in requests:
        if request.project_id not in seen and len(seen) == most:
            yield run
            run, seen = [], set()
        run.append(request)
        seen.add(request.project_id)
    if run:
        yield run
