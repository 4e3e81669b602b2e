"""Batches of requests: nothing is held while something is waited for, and none fails another."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

import structlog

from domain.errors import ProjectBusy, StorageUnavailable
from domain.ids import ProjectId
from domain.projects import Project
from services.busy_projects import HARDLY_SECONDS
from services.faults import told
from services.transactions import Transaction, Transactor
from storage.sql import projects
from storage.sql.projects import LOCK_AT_ONCE

log = structlog.get_logger(__name__)

# Others of the batch hear nothing while it waits, and later batches wait behind it: whoever asked
# gives up after five seconds. Where another worker waits too, PostgreSQL counts twice: once until
# one is the next, once until one has it.
LOCK_SECONDS = 0.7
MOST_SECONDS = 1.5


class OfProject(Protocol):
    """Anything that concerns one project."""

    @property
    def project_id(self) -> ProjectId:
        """The project."""


R = TypeVar("R", bound=OfProject)
T = TypeVar("T")
UseCase: TypeAlias = Callable[[Transaction, Sequence[R], dict[ProjectId, Project]], T]


def run_or_split(
    transactor: Transactor,
    requests: Iterable[R],
    use_case: UseCase[R, T],
    unanswered: Callable[[Sequence[R]], T],
    seconds_left: float = math.inf,
) -> list[T]:
    """What each transaction came to; between them they have answered every request.

    One bad request never fails another: a batch whose transaction failed for anything but an
    unavailable store is run again one by one, and the one that fails alone is left unanswered.
    Nor does a project that somebody else holds: it is left out, and waited for by itself once
    the others have committed.

    Args:
        transactor: commits.
        requests: of any projects.
        use_case: answers requests in one transaction, which holds the locks of their projects. It
            is handed the projects as they were read under the lock; what is not among them does
            not exist.
        unanswered: what requests come to that could not be looked at.
        seconds_left: how long whoever asked waits for the answers; half of it for projects.
    """
    until = time.monotonic() + min(MOST_SECONDS, seconds_left / 2)
    return list(_Runs(transactor, use_case, unanswered, until).answer(requests))


@dataclass(frozen=True, slots=True)
class _Runs(Generic[R, T]):
    """Runs a use case until every request is answered; from `until` on it waits for nobody."""

    transactor: Transactor
    use_case: UseCase[R, T]
    unanswered: Callable[[Sequence[R]], T]
    until: float

    def answer(self, requests: Iterable[R]) -> Iterator[T]:
        """What each transaction came to; what has to be waited for comes last."""
        waiting: deque[Sequence[R]] = deque(runs_of_projects(requests, LOCK_AT_ONCE))
        while waiting:
            parts, left = self._try(waiting.popleft())
            yield from parts
            waiting.extend(left)

    def _try(self, batch: Sequence[R]) -> tuple[list[T], list[list[R]]]:
        """What the batch came to, and what of it is still to be run, in smaller ones."""
        ids = {request.project_id for request in batch}
        try:
            return self._run_free(batch, ids) if len(ids) > 1 else self._run_one(batch, *ids)
        except StorageUnavailable as error:
            log.warning("batch_store_unavailable", requests=len(batch), **told(error))
            smaller = by_project(batch) if isinstance(error, ProjectBusy) else []
        except Exception as error:  # noqa: BLE001 - one bad request never fails another
            log.warning("batch_failed", requests=len(batch), **told(error))
            smaller = [[request] for request in batch]
        return ([], smaller) if len(smaller) > 1 else ([self.unanswered(batch)], [])

    def _run_one(self, batch: Sequence[R], project_id: ProjectId) -> tuple[list[T], list[list[R]]]:
        """All of one project: whoever waits for it holds nothing else."""

        def work(transaction: Transaction) -> T:
            locked = projects.lock_projects(transaction.db, [project_id])
            return self.use_case(transaction, batch, locked)

        seconds = max(min(LOCK_SECONDS, self.until - time.monotonic()), HARDLY_SECONDS)
        return [self.transactor.run_for_project(project_id, work, lock_seconds=seconds)], []

    def _run_free(self, batch: Sequence[R], ids: set[ProjectId]) -> tuple[list[T], list[list[R]]]:
        """Those whose project nobody holds now; the others are left, or not worth the wait."""
        busy = self.transactor.busy

        def work(transaction: Transaction) -> tuple[list[T], list[R]]:
            locked, held = projects.lock_free_projects(transaction.db, ids)
            free = [request for request in batch if request.project_id not in held]
            parts = [self.use_case(transaction, free, locked)] if free else []
            return parts, [request for request in batch if request.project_id in held]

        parts, held = self.transactor.run(work, lock_seconds=LOCK_SECONDS)
        for project_id in ids - {request.project_id for request in held}:
            busy.forget(project_id)
        left: list[list[R]] = []
        for of_one in by_project(held):
            if busy.is_known(of_one[0].project_id):
                parts.append(self.unanswered(of_one))
            else:
                left.append(of_one)
        return parts, left


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
