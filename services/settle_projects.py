"""Settling a project that is halted: what SQL has lost is revoked, and signing in works again."""

from dataclasses import dataclass
from functools import partial

import structlog

from domain import rotation_rules
from domain.errors import Conflict, StorageUnavailable
from domain.ids import ProjectId
from domain.projects import Project
from domain.roles import Actor
from domain.rotation_plans import Situation
from domain.rotations import Rotation
from domain.signing_secrets import SecretState
from services.halting import end_halt, halt_if_behind
from services.publish_cards import tell_card
from services.rotate_secret import Generated, regenerate
from services.rotations import apply_plan, situation_of
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import sessions
from storage.sql import projects

log = structlog.get_logger(__name__)

_REASON = "settled after the database had lost commits"


class NotHalted(Conflict):
    """This project is not halted: there is nothing to settle."""

    code = "not_halted"


@dataclass(frozen=True, slots=True)
class Settled:
    """The project's epoch; the new secret where there had to be one; the rotation that cuts."""

    epoch: int
    generated: Generated | None
    rotation: Rotation | None


def settle_project(stores: Stores, project_id: ProjectId, actor: Actor) -> Settled:
    """Nothing that was ever revoked is accepted, and signing in works again (decision 0009).

    Where only a cut was lost it is done again, and the secret that had taken over stays. Otherwise
    the secret that sites sign with is lost: there is a new one, and every earlier one is revoked.

    Raises:
        ProjectNotFound: there is no such project.
        NotHalted: it is not halted.
        StorageUnavailable: a store does not answer; nothing has happened.
    """
    halt_if_behind(stores, project_id)
    settled = stores.transactor.run(
        partial(_settle, stores=stores, project_id=project_id, actor=actor), urgent=True
    )
    _tell_nodes(stores, project_id, settled)
    return settled


def _tell_nodes(stores: Stores, project_id: ProjectId, settled: Settled) -> None:
    """Nodes know, or hear of it by a sweep: nothing is raised, for the secret is told only once."""
    try:
        tell_card(stores, project_id)
        if settled.rotation is None:
            # No revocation stands for these sessions: nodes close them by the card.
            sessions.drop_generations(stores.redis, project_id, settled.epoch, None)
    except StorageUnavailable:
        log.warning("settling_left_to_sweep", project_id=project_id)


def _settle(
    transaction: Transaction, *, stores: Stores, project_id: ProjectId, actor: Actor
) -> Settled:
    project = projects.lock_project(transaction.db, project_id)
    if project.halted_epoch is None:
        raise NotHalted
    if project.epoch >= project.halted_epoch:
        end_halt(transaction, project, project.epoch, actor)
        return Settled(project.epoch, None, None)
    situation = situation_of(transaction, project)
    if _lost_only_a_cut(situation, project.halted_epoch):
        return _cut_again(transaction, project, situation, actor)
    made = regenerate(transaction, stores.sealer, project_id, actor, reason=_REASON)
    epoch = projects.get_project(transaction.db, project_id).epoch
    return Settled(epoch, made, made.rotation)


def _lost_only_a_cut(situation: Situation, highest: int) -> bool:
    active = situation.find(SecretState.ACTIVE)
    is_overlap = situation.standing is not None and situation.find(SecretState.RETIRING) is not None
    return is_overlap and active is not None and active.generation >= highest


def _cut_again(
    transaction: Transaction, project: Project, situation: Situation, actor: Actor
) -> Settled:
    if situation.standing is None:
        raise AssertionError
    plan = rotation_rules.run_now(situation, situation.standing.id, force=True)
    apply_plan(transaction, situation, plan, actor)
    epoch = plan.epoch or project.epoch
    end_halt(transaction, project, epoch, actor)
    return Settled(epoch, None, plan.cut)
