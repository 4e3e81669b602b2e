"""The sweep of the receipts: completed in every case, also where an answer or a node was lost."""

from datetime import timedelta
from functools import partial

import structlog

from domain.errors import ProjectBusy
from domain.ids import ProjectId
from domain.rotations import Rotation, RotationState
from services.busy_projects import SWEEP_SECONDS
from services.receipts import (
    Receipt,
    Revocation,
    ask_nodes,
    gather_receipt,
    revocation_of,
    store_receipt,
    with_receipt,
)
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import outbox, projects, rotations
from storage.sql.engine import now_of

log = structlog.get_logger(__name__)

AT_ONCE = 200
# A socket that was being bound during the cut is closed a moment later and still counts.
COUNTED_AFTERWARDS = timedelta(minutes=1)


def settle_rotations(stores: Stores, project_id: ProjectId | None = None) -> int:
    """Late answers and expired leases have found their way into the receipts.

    Nodes that did not answer are asked again: the signal may have been lost. So are, for a minute
    after a rotation was completed, nodes that Redis did not know of at the cut, and those of which
    it has lost the answer: it may have forgotten them, not they their sockets.
    A rotation whose revocation was not carried out yet is left to the outbox relay, one whose
    project somebody holds to the next sweep.

    Returns:
        How many rotations were looked at.
    """
    with stores.database.reading() as db:
        since = now_of(db) - COUNTED_AFTERWARDS
        open_ones = rotations.list_unsettled(db, since, limit=AT_ONCE, project_id=project_id)
        undone = outbox.list_undone_of(db, {rotation.project_id for rotation in open_ones})
        waiting = {event.payload.get("rotation_id") for event in undone}
        ready = [(r, revocation_of(db, r)) for r in open_ones if r.id not in waiting]
    for rotation, revocation in ready:
        _try_to_settle(stores, rotation, revocation)
    return len(ready)


def _try_to_settle(stores: Stores, rotation: Rotation, revocation: Revocation) -> None:
    try:
        _settle(stores, rotation, revocation)
    except ProjectBusy:
        log.warning("receipt_left_to_sweep", project_id=rotation.project_id)


def _settle(stores: Stores, rotation: Rotation, revocation: Revocation) -> None:
    receipt = gather_receipt(stores, revocation)
    if not receipt.settled or not receipt.all_asked:
        asked = ask_nodes(stores, revocation, after_loss=receipt.is_lost)
        receipt = receipt if receipt.settled else receipt.with_asked(asked)
    is_cutting = rotation.state is RotationState.CUTTING
    ends = is_cutting and receipt.settled
    # A completed rotation takes whole figures only: nobody may be there to settle it once more.
    takes_more = is_cutting or receipt.settled
    if ends or (takes_more and with_receipt(rotation, receipt) != rotation):
        stores.transactor.run_for_project(
            rotation.project_id,
            partial(_store, revocation=revocation, receipt=receipt),
            lock_seconds=SWEEP_SECONDS,
        )


def _store(transaction: Transaction, *, revocation: Revocation, receipt: Receipt) -> None:
    projects.lock_project(transaction.db, revocation.project_id)
    store_receipt(transaction, revocation, receipt)
