"""Batches of requests: few projects locked at a time, and no request fails another."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import structlog

from domain.errors import ProjectBusy, StorageUnavailable
from domain.ids import ProjectId
from services.faults import told
from services.transactions import Transaction, Transactor
from storage.sql.projects import LOCK_AT_ONCE

log = structlog.get_logger(__name__)

# Whoever asked waits five seconds for the answer: within them a batch has waited for a project
# that is held, and the others of the batch have been looked at without it.
LOCK_SECONDS = 2.0
LOCK_SECONDS_AGAIN = 0.1


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
    Nor does a project that somebody else holds: the batch is run again project by project.

    Args:
        transactor: commits.
        requests: of any projects.
        use_case: answers all of a batch in one transaction.
        unanswered: what requests come to that could not be looked at.
    """

    def parts(batch: Sequence[R], lock_seconds: float) -> Iterator[T]:
        try:
            answered = transactor.run(
                lambda transaction: use_case(transaction, batch), lock_seconds=lock_seconds
            )
        except StorageUnavailable as error:
            log.warning("batch_store_unavailable", requests=len(batch), **told(error))
            smaller = by_project(batch) if isinstance(error, ProjectBusy) else []
        except Exception as error:  # noqa: BLE001 - one bad request never fails another
            log.warning("batch_failed", requests=len(batch), **told(error))
            smaller = [[request] for request in batch]
        else:
            yield answered
            return
        if len(smaller) > 1:
            yield from (part for one in smaller for part in parts(one, LOCK_SECONDS_AGAIN))
        else:
            yield unanswered(batch)

    batches = runs_of_projects(requests, LOCK_AT_ONCE)
    return [part for batch in batches for part in parts(batch, LOCK_SECONDS)]


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


def by_project(requests: Iterable[R]) -> list[list[R]]:
    """The requests of each project together, in their order."""
    of: dict[ProjectId, list[R]] = {}
    for request in requests:
        of.setdefault(request.project_id, []).append(request)
    return list(of.values())
