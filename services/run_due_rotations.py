"""The runner: rotations whose date has come are cut, or postponed where something is in the way."""

from functools import partial

import structlog

from domain.errors import ProjectBusy, StorageUnavailable
from domain.ids import ProjectId, RotationId
from domain.roles import WORKER
from domain.rotation_rules import cut_due
from domain.rotations import Rotation
from services.faults import told
from services.rotations import apply_plan, situation_of
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import projects, rotations
from storage.sql.engine import now_of

log = structlog.get_logger(__name__)

AT_ONCE = 100
# Longer than other sweeps: a project that many sign in to is let go of between their batches.
LOCK_SECONDS = 1.0


def run_due_rotations(stores: Stores) -> int:
    """Every rotation that is due has been cut or postponed, each in a commit of its own.

    Any number of runners may do this at once: a rotation that one of them has taken is no longer
    due for the others. One that fails, or whose project somebody holds, keeps none of the others.

    Returns:
        How many this runner has taken.

    Raises:
        StorageUnavailable: the database does not answer; what is due stays due.
    """
    taken, after = 0, ""
    while due := _list_due(stores, after):
        taken += sum(_try_to_run(stores, *one) for one in due)
        _, after = due[-1]
    return taken


def _list_due(stores: Stores, after: str) -> list[tuple[ProjectId, RotationId]]:
    with stores.database.reading() as db:
        return rotations.list_due(db, now_of(db), after=after, limit=AT_ONCE)


def _try_to_run(stores: Stores, project_id: ProjectId, rotation_id: RotationId) -> bool:
    try:
        return stores.transactor.run(
            partial(_run, project_id=project_id, rotation_id=rotation_id),
            urgent=True,
            lock_seconds=LOCK_SECONDS,
        )
    except ProjectBusy:
        log.warning("rotation_left_to_sweep", project_id=project_id, rotation_id=rotation_id)
    except StorageUnavailable:
        raise  # the others would fare alike
    except Exception as error:  # noqa: BLE001 - one project's fault is not another's
        log.error(  # noqa: TRY400 - the trace might quote a row
            "rotation_not_run", project_id=project_id, rotation_id=rotation_id, **told(error)
        )
    return False


def _run(transaction: Transaction, *, project_id: ProjectId, rotation_id: RotationId) -> bool:
    """The project's lock first, as everywhere, so that no two who want both can block each other.

    Whoever waited for it while another runner did the work finds that the row is not due any more.
    """
    project = projects.lock_project(transaction.db, project_id)
    if not rotations.take_due(transaction.db, rotation_id, transaction.now):
        return False
    situation = situation_of(transaction, project)
    plan = cut_due(situation)
    apply_plan(transaction, situation, plan, WORKER)
    if plan.cut:
        _log_cut(plan.cut)
    return True


def _log_cut(rotation: Rotation) -> None:
    late = rotation.effective_at and rotation.due_at and rotation.effective_at - rotation.due_at
    log.info(
        "rotation_cut",
        project_id=rotation.project_id,
        rotation_id=rotation.id,
        late_seconds=late and round(late.total_seconds(), 3),
    )
