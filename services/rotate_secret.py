"""Generating a project's secret: every earlier one is revoked at once, or retires until a date."""

from dataclasses import dataclass

from domain import rotation_rules
from domain.ids import KeyId, ProjectId
from domain.roles import Actor
from domain.rotation_dates import When
from domain.rotation_plans import Order, RotationPlan, Situation
from domain.rotations import Rotation
from domain.sealing import SecretSealer
from services.halting import end_halt
from services.rotations import apply_generating, new_order, situation_of
from services.transactions import Transaction
from storage.sql import projects


@dataclass(frozen=True, slots=True)
class Generated:
    """A new secret, in clear this one time; the rotation it caused, unless it is the first."""

    secret: str
    key_id: KeyId
    rotation: Rotation | None

    def __repr__(self) -> str:
        return f"Generated(key_id={self.key_id!r})"


@dataclass(frozen=True, slots=True)
class SecretWish:
    """How a new secret takes over: at once where `when` is None, else planned for that date."""

    when: When | None = None
    force: bool = False
    pinned: bool = False
    reason: str | None = None
    expect_active_key_id: KeyId | None = None


def regenerate(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    actor: Actor,
    *,
    reason: str | None = None,
    expect_active_key_id: KeyId | None = None,
) -> Generated:
    """The project has a new active secret; every earlier one is revoked, its epoch raised.

    Secret, states, epoch, rotation, events and audit line are one commit (decision 0006). The
    first secret of a project revokes nothing and has no rotation.

    Raises:
        ProjectNotFound: there is no such project.
        ChangedMeanwhile: `expect_active_key_id` is given and another one is active.
    """
    wish = SecretWish(reason=reason, expect_active_key_id=expect_active_key_id)
    return generate(transaction, sealer, project_id, actor, wish)


def generate(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    actor: Actor,
    wish: SecretWish,
) -> Generated:
    """The project has a new active secret, one commit with all that follows from it.

    Every earlier one is revoked, or, where a date is wished for, the one before it goes on
    verifying until then. To revoke every earlier one also settles a project that is halted: the
    new generation is above all that SQL has lost (decision 0009).

    Raises:
        ProjectNotFound: there is no such project.
        ChangedMeanwhile: `expect_active_key_id` is given and another one is active.
        RotationPending: one is to be planned, an earlier one is not over, and there is no force.
        DateInvalid: the date is not usable.
        NeverOffline: the date is off-hours, and there are none.
    """
    project = projects.lock_project(transaction.db, project_id)
    situation = situation_of(transaction, project)
    plan = _plan(situation, new_order(transaction, actor, wish.reason), wish)
    secret = apply_generating(transaction, sealer, situation, plan, actor)
    if plan.new_secret is None:  # apply_generating has raised
        raise AssertionError
    if wish.when is None:
        end_halt(transaction, project, plan.new_secret.generation, actor)
    return Generated(secret, plan.new_secret.key_id, plan.inserted)


def _plan(situation: Situation, order: Order, wish: SecretWish) -> RotationPlan:
    expected = wish.expect_active_key_id
    if wish.when is None:
        return rotation_rules.regenerate(situation, order, expect_active_key_id=expected)
    return rotation_rules.plan_rotation(
        situation,
        order,
        wish.when,
        force=wish.force,
        pinned=wish.pinned,
        expect_active_key_id=expected,
    )
