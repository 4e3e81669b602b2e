"""Devices that ended long ago: erased, unless somebody has written with them."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from domain.errors import ProjectBusy
from services.batches import by_project
from services.busy_projects import SWEEP_SECONDS
from services.transactions import Transaction, Transactor
from storage.redis.keys import ENDED_DEVICE_SECONDS
from storage.sql import old_devices, projects
from storage.sql.engine import now_of
from storage.sql.old_devices import EndedDevice, Place

log = structlog.get_logger(__name__)

# Every sign-in brings a device and ends the one before. Redis remembers those for half of this at
# least, and never for longer: whoever comes with one that both have forgotten is somebody new, with
# nothing but what its own record holds: nothing.
KEPT = timedelta(seconds=ENDED_DEVICE_SECONDS)
AT_ONCE = 200


class DeviceErasure:
    """Goes through the devices that ended two months ago or earlier, some at each sweep."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._after: Place | None = None

    def go_on(self, transactor: Transactor) -> int:
        """Of the next ones those that hold nothing are gone; after the last come the first.

        Returns:
            How many were erased.

        Raises:
            StorageUnavailable: the database does not answer; the next sweep looks at the same ones.
        """
        with transactor.database.reading() as db:
            found = old_devices.list_ended_devices(
                db, now_of(db) - KEPT, after=self._after, limit=self._at_once
            )
        erased = sum(_try_to_erase(transactor, of_one) for of_one in by_project(found))
        self._after = found[-1].place if len(found) == self._at_once else None
        return erased


def _try_to_erase(transactor: Transactor, found: Sequence[EndedDevice]) -> int:
    """All of one project, whose lock comes first: sign-ins rely on what they have read under it."""
    project_id = found[0].project_id

    def use_case(transaction: Transaction) -> int:
        projects.lock_project(transaction.db, project_id)
        return old_devices.erase_devices(transaction.db, found)

    try:
        return transactor.run_for_project(project_id, use_case, lock_seconds=SWEEP_SECONDS)
    except ProjectBusy:
        log.warning("erasure_left_to_sweep", project_id=project_id)
        return 0
