"""A new secret that nobody has asked for yet: it waits until somebody has it shown."""

from domain import rotation_rules
from domain.ids import ProjectId
from domain.roles import Actor
from domain.rotation_dates import When
from domain.rotations import Rotation
from domain.sealing import SecretSealer
from services.rotations import apply_generating, load_situation, new_order
from services.transactions import Transaction


def schedule_rotation(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    actor: Actor,
    when: When,
    *,
    reason: str | None = None,
) -> Rotation:
    """A waiting secret takes over once it is revealed; the cut has its date already.

    Raises:
        ProjectNotFound: there is no such project.
        NothingToRotate: it has no secret.
        RotationPending: an earlier rotation is not over.
        NeverOffline: the date is off-hours, and there are none.
    """
    situation = load_situation(transaction, project_id)
    order = new_order(transaction, actor, reason)
    plan = rotation_rules.schedule_by_policy(situation, order, when)
    apply_generating(transaction, sealer, situation, plan, actor)
    if plan.inserted is None:
        raise AssertionError("a scheduled secret has a rotation")
    return plan.inserted
