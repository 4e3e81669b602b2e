"""Commands about a project's secrets: loaded under its lock, decided in `domain`, written at once.

`domain.rotation_table` says which command does what in which phase.
"""

import os
from zoneinfo import ZoneInfo

import structlog

from domain.ids import KeyId, ProjectId, RotationId
from domain.operating_hours import parse_hours
from domain.projects import Project
from domain.roles import Actor
from domain.rotation_plans import DateMoved, NewSecret, Order, RotationPlan, Situation
from domain.sealing import NONCE_BYTES, SecretSealer
from domain.signing_secrets import (
    SECRET_RANDOM_BYTES,
    SecretState,
    SigningSecret,
    encode_secret,
)
from services.transactions import Transaction
from storage.sql import projects, rotations, signing_secrets

log = structlog.get_logger(__name__)


def load_situation(transaction: Transaction, project_id: ProjectId) -> Situation:
    """What a command starts from; the project is locked until the transaction ends.

    Raises:
        ProjectNotFound: there is no such project.
    """
    return situation_of(transaction, projects.lock_project(transaction.db, project_id))


def situation_of(transaction: Transaction, project: Project) -> Situation:
    """The situation of a project that this transaction has locked."""
    secrets = signing_secrets.list_secrets(transaction.db, project.id)
    retiring = next((s.key_id for s in secrets if s.state is SecretState.RETIRING), None)
    return Situation(
        project_id=project.id,
        epoch=project.epoch,
        secrets=tuple(secrets),
        rotations=tuple(rotations.list_standing(transaction.db, project.id, retiring)),
        now=transaction.now,
        hours=parse_hours(project.operating_hours),
        zone=ZoneInfo(project.time_zone),
        halted_epoch=project.halted_epoch,
    )


def new_order(transaction: Transaction, actor: Actor, reason: str | None) -> Order:
    """An order of a new secret, with ids that nothing has."""
    return Order(
        key_id=KeyId(transaction.new_id()),
        rotation_id=RotationId(transaction.new_id()),
        requested_by=actor.name,
        reason=reason,
    )


def apply_plan(
    transaction: Transaction, situation: Situation, plan: RotationPlan, actor: Actor
) -> None:
    """The plan, which makes no secret, is written."""
    _write(transaction, situation, plan, actor, None)


def apply_generating(
    transaction: Transaction,
    sealer: SecretSealer,
    situation: Situation,
    plan: RotationPlan,
    actor: Actor,
) -> str:
    """The plan is written with the new secret that it makes; returns that in clear.

    Raises:
        ValueError: it makes none.
    """
    if plan.new_secret is None:
        message = "this plan makes no secret"
        raise ValueError(message)
    secret = encode_secret(os.urandom(SECRET_RANDOM_BYTES))
    stored = _sealed(transaction, sealer, situation.project_id, plan.new_secret, secret, actor)
    _write(transaction, situation, plan, actor, stored)
    return secret


def _write(
    transaction: Transaction,
    situation: Situation,
    plan: RotationPlan,
    actor: Actor,
    made: SigningSecret | None,
) -> None:
    """One commit, in the order in which no state is ever held twice.

    What is revoked has the time of the cut as its end: that tells them apart later.
    """
    db, now, project_id = transaction.db, transaction.now, situation.project_id
    for change in plan.secret_changes:
        signing_secrets.change_state(db, change.key_id, change.state, now)
    if made:
        signing_secrets.insert_secret(db, made)
    for rotation in plan.updated:
        rotations.update_rotation(db, rotation)
    if plan.inserted:
        rotations.insert_rotation(db, plan.inserted)
    if plan.epoch:
        projects.raise_epoch(db, project_id, plan.epoch, now)
    _announce(transaction, project_id, plan, actor)


def _announce(
    transaction: Transaction, project_id: ProjectId, plan: RotationPlan, actor: Actor
) -> None:
    for event in plan.events:
        transaction.announce(event.kind, project_id, event.payload)
    if plan.audit:
        transaction.audit(actor, plan.audit.action, project_id, plan.audit.details)
    if plan.moved:
        _log_moved(project_id, plan.moved)


def _log_moved(project_id: ProjectId, moved: DateMoved) -> None:
    say = log.error if moved.is_alarm else log.info
    say(
        "rotation_postponed",
        project_id=project_id,
        rotation_id=moved.rotation_id,
        because=moved.because.value,
        due_before=moved.due_before and moved.due_before.isoformat(),
        due_at=moved.due_at and moved.due_at.isoformat(),
    )


def _sealed(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    wanted: NewSecret,
    secret: str,
    actor: Actor,
) -> SigningSecret:
    sealed = sealer.seal(secret.encode("ascii"), project_id, wanted.key_id, os.urandom(NONCE_BYTES))
    return SigningSecret(
        key_id=wanted.key_id,
        project_id=project_id,
        generation=wanted.generation,
        state=wanted.state,
        sealed=sealed,
        last_four=secret[-4:],
        created_at=transaction.now,
        created_by=actor.name,
    )
