"""Devices that nobody has any more: erased, unless somebody has written with them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from domain.errors import ProjectBusy
from services.batches import by_project
from services.busy_projects import SWEEP_SECONDS
from services.transactions import Transaction, Transactor
from storage.redis.keys import ENDED_DEVICE_SECONDS
from storage.sql import old_devices, projects
from storage.sql.engine import now_of
from storage.sql.old_devices import OldDevice, Place

log = structlog.get_logger(__name__)

# Every sign-in brings a device and ends the one before. Redis remembers those for half of this at
# least, and never for longer: whoever comes with one that both have forgotten is somebody new, with
# nothing but what its own record holds: nothing. The last device that a browser had of a person
# never ends; by then every proof is over, and whoever comes with it speaks for no person, as ever.
KEPT = timedelta(seconds=ENDED_DEVICE_SECONDS)

AT_ONCE = 200
SECONDS = 0.5  # of every sweep, whose worker has more to do
ANEW_AFTER = timedelta(days=1)


class DeviceErasure:
    """Goes through the devices that ended two months ago or earlier, page after page.

    And through those as old that are open: persons' are erased, anonymous visitors' stay.

    Args:
        at_once: how many are looked at in one transaction.
        seconds: how long a sweep goes on; at least a page is looked at.
        anew_after: how often those that were kept are looked at again.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        seconds: float = SECONDS,
        anew_after: timedelta = ANEW_AFTER,
    ) -> None:
        self._at_once = at_once
        self._seconds = seconds
        self._walks = [
            _Walk(old_devices.list_ended_devices, anew_after),
            _Walk(old_devices.list_open_devices, anew_after),
        ]

    def go_on(self, transactor: Transactor) -> int:
        """Of the next ones those that hold nothing are gone.

        Returns:
            How many were erased.

        Raises:
            StorageUnavailable: the database does not answer; the next sweep looks at the same ones.
        """
        until = time.monotonic() + self._seconds
        erased, unfinished = 0, self._walks
        while unfinished:
            steps = [(walk, walk.step(transactor, self._at_once)) for walk in unfinished]
            erased += sum(step.erased for _, step in steps)
            unfinished = [walk for walk, step in steps if step.is_more_to_come]
            if time.monotonic() >= until:
                break
        return erased


@dataclass(frozen=True, slots=True)
class _Step:
    erased: int
    is_more_to_come: bool


@dataclass(slots=True)
class _Walk:
    """Devices in the order of a time, which nothing old is ever added to.

    So from the last one it goes on with what has become old since, and passes by again what it
    kept only now and then; and where a project was held, from there.
    """

    list_page: Callable[..., list[OldDevice]]
    anew_after: timedelta
    after: Place | None = None
    began_at: datetime | None = None
    left_after: Place | None = None
    has_left: bool = False

    def step(self, transactor: Transactor, at_once: int) -> _Step:
        """A page was looked at."""
        with transactor.database.reading() as db:
            now = now_of(db)
            page = self.list_page(db, now - KEPT, after=self.after, limit=at_once)
            needless = old_devices.list_needless(db, page)
        erased = [_try_to_erase(transactor, of_one) for of_one in by_project(needless)]
        if None in erased and not self.has_left:
            self.has_left, self.left_after = True, self.after
        self.after = page[-1].place if page else self.after
        is_more_to_come = len(page) == at_once
        if not is_more_to_come:
            self._begin_again(now)
        return _Step(sum(filter(None, erased)), is_more_to_come)

    def _begin_again(self, now: datetime) -> None:
        self.began_at = self.began_at or now
        if now - self.began_at >= self.anew_after:
            self.began_at, self.after = now, None
        elif self.has_left:
            self.after = self.left_after
        self.has_left = False


def _try_to_erase(transactor: Transactor, found: Sequence[OldDevice]) -> int | None:
    """All of one project, whose lock comes first: sign-ins rely on what they have read under it."""
    project_id = found[0].project_id

    def use_case(transaction: Transaction) -> int:
        projects.lock_project(transaction.db, project_id)
        return old_devices.erase_devices(transaction.db, found)

    try:
        return transactor.run_for_project(project_id, use_case, lock_seconds=SWEEP_SECONDS)
    except ProjectBusy:
        log.warning("erasure_left_to_sweep", project_id=project_id)
        return None
