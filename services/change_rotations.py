"""Rotations under way: given another date, pinned, cancelled, run; waiting secrets revealed."""

from collections.abc import Callable

from domain import rotation_rules
from domain.errors import NotFound
from domain.ids import KeyId, ProjectId, RotationId
from domain.roles import Actor
from domain.rotation_dates import When
from domain.rotation_plans import RotationPlan, Situation
from domain.rotation_transitions import Phase
from domain.rotations import Rotation
from domain.sealing import SealBroken, SecretSealer
from domain.signing_secrets import SigningSecret
from services.rotate_secret import Generated
from services.rotation_policies import begin_anew
from services.rotations import apply_plan, load_situation
from services.transactions import Transaction
from storage.sql import rotations


class SecretNotFound(NotFound):
    """There is no such secret in this project."""

    code = "secret_not_found"


def reschedule(
    transaction: Transaction,
    project_id: ProjectId,
    rotation_id: RotationId,
    actor: Actor,
    when: When,
    *,
    pinned: bool | None = None,
) -> Rotation:
    """The rotation has another date; a cancelled one has a date again.

    Raises:
        NotFound: there is no such project or rotation.
        RotationOver: it is not under way.
        DateInvalid: the date is not usable.
        NeverOffline: the date is off-hours, and there are none.
    """

    def command(situation: Situation) -> RotationPlan:
        return rotation_rules.reschedule(situation, rotation_id, when, pinned=pinned)

    return _change(transaction, project_id, rotation_id, actor, command)


def pin(
    transaction: Transaction,
    project_id: ProjectId,
    rotation_id: RotationId,
    actor: Actor,
    *,
    pinned: bool,
) -> Rotation:
    """A change of the operating hours leaves the rotation's date alone, or moves it again.

    Raises:
        NotFound: there is no such project or rotation.
        RotationOver: it is not under way.
    """

    def command(situation: Situation) -> RotationPlan:
        return rotation_rules.pin(situation, rotation_id, pinned=pinned)

    return _change(transaction, project_id, rotation_id, actor, command)


def cancel(
    transaction: Transaction, project_id: ProjectId, rotation_id: RotationId, actor: Actor
) -> Rotation:
    """The rotation has no date; both its secrets stay valid, one never revealed is revoked.

    The policy that made that one begins anew, or it would make another within a day.

    Raises:
        NotFound: there is no such project or rotation.
        RotationOver: it is not under way.
    """

    def command(situation: Situation) -> RotationPlan:
        return rotation_rules.cancel(situation, rotation_id)

    waited = load_situation(transaction, project_id).phase is Phase.WAITING
    rotation = _change(transaction, project_id, rotation_id, actor, command)
    if waited:
        begin_anew(transaction, project_id)
    return rotation


def run_now(
    transaction: Transaction,
    project_id: ProjectId,
    rotation_id: RotationId,
    actor: Actor,
    *,
    force: bool = False,
) -> Rotation:
    """The old secret is revoked now, whatever the date and the hours.

    Raises:
        NotFound: there is no such project or rotation.
        RotationOver: it is not under way.
        SecretWaiting: its new secret was never revealed.
        NewSecretUnused: its new secret never verified a token, and there is no force.
    """

    def command(situation: Situation) -> RotationPlan:
        return rotation_rules.run_now(situation, rotation_id, force=force)

    return _change(transaction, project_id, rotation_id, actor, command)


def reveal(
    transaction: Transaction,
    sealer: SecretSealer,
    project_id: ProjectId,
    key_id: KeyId,
    actor: Actor,
) -> Generated:
    """The waiting secret in clear, this one time; it is active and the one before it retiring.

    Raises:
        NotFound: there is no such project or secret.
        AlreadyRevealed: this secret does not wait.
    """
    situation = load_situation(transaction, project_id)
    secret = next((one for one in situation.secrets if one.key_id == key_id), None)
    if secret is None:
        raise SecretNotFound
    plan = rotation_rules.reveal(situation, key_id)
    apply_plan(transaction, situation, plan, actor)
    return Generated(_opened(sealer, secret), key_id, plan.rotation)


def _opened(sealer: SecretSealer, secret: SigningSecret) -> str:
    if secret.sealed is None:  # a living secret has it, by a constraint
        raise SealBroken
    return sealer.open(secret.sealed, secret.project_id, secret.key_id).decode("ascii")


def _change(
    transaction: Transaction,
    project_id: ProjectId,
    rotation_id: RotationId,
    actor: Actor,
    command: Callable[[Situation], RotationPlan],
) -> Rotation:
    situation = load_situation(transaction, project_id)
    rotations.get_rotation(transaction.db, project_id, rotation_id)
    apply_plan(transaction, situation, command(situation), actor)
    return rotations.get_rotation(transaction.db, project_id, rotation_id)
