"""The soft cut: sessions of a retiring secret are asked for a fresh token, twice before the cut."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from domain.errors import ProjectBusy
from domain.rotations import Rotation
from domain.times import to_wire
from services.busy_projects import SWEEP_SECONDS
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import leases, signals
from storage.sql import projects, rotations
from storage.sql.engine import now_of

log = structlog.get_logger(__name__)

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SoftCut:
    """When widgets are asked: at the start of an overlap, and so long before the cut.

    Attributes:
        remind_before: how long before the cut those that are left are asked again.
        spread: how long it takes at most until all have been asked; half the time that is left
            where that is less.
    """

    remind_before: timedelta = timedelta(minutes=10)
    spread: timedelta = timedelta(minutes=5)


def announce_retirements(stores: Stores, soft_cut: SoftCut) -> int:
    """Every overlap that began, or comes near its cut, is known to the nodes' sessions.

    Repeated where it is not known whether the nodes were told: a widget that has moved already is
    not asked.

    Returns:
        How many overlaps were announced.

    Raises:
        StorageUnavailable: a store does not answer; what was not noted is announced again.
    """
    with stores.database.reading() as db:
        now = now_of(db)
        remind_until = now + soft_cut.remind_before
        found = rotations.list_unannounced(db, now, remind_until, limit=AT_ONCE)
    for rotation, generation in found:
        _tell_nodes(stores, rotation, generation, now, soft_cut)
        is_near = rotation.due_at is not None and rotation.due_at <= remind_until
        _try_to_note(stores, rotation, is_reminder=is_near)
    return len(found)


def _try_to_note(stores: Stores, rotation: Rotation, *, is_reminder: bool) -> None:
    try:
        stores.transactor.run_for_project(
            rotation.project_id,
            partial(_note, rotation=rotation, is_reminder=is_reminder),
            lock_seconds=SWEEP_SECONDS,
        )
    except ProjectBusy:
        log.warning("announcement_left_to_sweep", project_id=rotation.project_id)


def _tell_nodes(
    stores: Stores, rotation: Rotation, generation: int, now: datetime, soft_cut: SoftCut
) -> None:
    if rotation.due_at is None:
        return
    spread = min(soft_cut.spread, (rotation.due_at - now) / 2)
    signal = {
        "type": "retiring",
        "project_id": rotation.project_id,
        "generation": generation,
        "deadline": to_wire(rotation.due_at),
        "spread_seconds": max(spread.total_seconds(), 0.0),
    }
    nodes = leases.list_living(stores.redis)
    signals.send_to_all(stores.redis, nodes, signal)
    log.info(
        "retirement_announced",
        project_id=rotation.project_id,
        rotation_id=rotation.id,
        nodes=len(nodes),
    )


def _note(transaction: Transaction, *, rotation: Rotation, is_reminder: bool) -> None:
    projects.lock_project(transaction.db, rotation.project_id)
    reminded_of = rotation.due_at if is_reminder else None
    rotations.note_announced(transaction.db, rotation.id, transaction.now, reminded_of)
