"""Projects of which SQL has lost commits: halted as soon as it shows (decision 0009).

Redis is raised only after a commit, so whoever reads Redis first and SQL afterwards finds Redis
ahead only where SQL has lost what it had committed: a revocation among it.
"""

from functools import partial

import structlog

from domain.ids import ProjectId
from domain.projects import Project
from domain.roles import WORKER, Actor
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import publications, sessions
from storage.sql import projects

log = structlog.get_logger(__name__)

LOCK_SECONDS = 5.0


def halt_if_behind(
    stores: Stores, project_id: ProjectId, lock_seconds: float = LOCK_SECONDS
) -> bool:
    """Whether SQL is behind Redis; then nobody can sign in until an operator has settled it.

    Args:
        stores: where both are.
        project_id: the one whose epoch may have been lost.
        lock_seconds: how long it is waited for.

    Raises:
        ProjectBusy: somebody holds the project for longer.
        StorageUnavailable: a store does not answer.
    """
    # Before SQL: the other way round a regenerate between the two would look like a loss.
    epoch = publications.read_versions(stores.redis, [project_id])[project_id].epoch
    if epoch is None:
        return False
    live = sessions.count_by_generation(stores.redis, project_id)
    highest = max([epoch, *filter(None, live)])
    return stores.transactor.run_for_project(
        project_id,
        partial(_halt, project_id=project_id, epoch=epoch, highest=highest),
        urgent=True,
        lock_seconds=lock_seconds,
    )


def _halt(transaction: Transaction, *, project_id: ProjectId, epoch: int, highest: int) -> bool:
    project = projects.lock_projects(transaction.db, [project_id]).get(project_id)
    if project is None or project.epoch >= epoch:
        return False
    if project.halted_epoch is not None and project.halted_epoch >= highest:
        return True
    projects.halt_project(transaction.db, project_id, highest, transaction.now)
    if not project.is_halted:
        log.error(
            "project_halted", project_id=project_id, epoch=project.epoch, epoch_in_redis=epoch
        )
        details = {"epoch": project.epoch, "epoch_in_redis": epoch, "highest_generation": highest}
        transaction.audit(WORKER, "project.halted", project_id, {**details})
    return True


def end_halt(transaction: Transaction, project: Project, epoch: int, actor: Actor) -> None:
    """Signing in works again: nothing that SQL has lost is accepted, and somebody has said so.

    To be called in the commit that raises the project's epoch so far. Nothing happens to a project
    that is not halted.
    """
    if project.halted_epoch is None:
        return
    projects.end_halt(transaction.db, project.id)
    details = {"epoch": epoch, "lost_up_to": project.halted_epoch}
    transaction.audit(actor, "project.settled", project.id, {**details})
    log.info("project_settled", project_id=project.id, epoch=epoch)
