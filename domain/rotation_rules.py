"""The commands about a project's secrets: from what is loaded to a plan for one commit.

Which command does what in which phase stands in `rotation_table`; this carries it out. Every
command may raise a refusal and then nothing is to be written.
"""

from domain.ids import KeyId, RotationId
from domain.rotation_dates import When, is_due, may_cut
from domain.rotation_effects import Asked, carry_out
from domain.rotation_plans import Order, RotationPlan, Situation
from domain.rotation_refusals import AlreadyRevealed, ChangedMeanwhile, RotationOver
from domain.rotation_transitions import Command
from domain.signing_secrets import SecretState


def regenerate(
    situation: Situation, order: Order, *, expect_active_key_id: KeyId | None = None
) -> RotationPlan:
    """There is a new active secret and every earlier one is revoked; a first one revokes none.

    Raises:
        ChangedMeanwhile: another secret is active than the one expected.
    """
    _check_active(situation, expect_active_key_id)
    return carry_out(situation, Command.REGENERATE, Asked(order=order))


def plan_rotation(
    situation: Situation,
    order: Order,
    when: When,
    *,
    force: bool = False,
    pinned: bool = False,
    expect_active_key_id: KeyId | None = None,
) -> RotationPlan:
    """There is a new active secret, and the one before it is retiring until that date.

    A project's first secret has no rotation. Force overrides what stands in the way, which is one
    thing at a time: a rotation under way, or else the guard at the cut.

    Raises:
        ChangedMeanwhile: another secret is active than the one expected.
        RotationPending: an earlier rotation is not over, and there is no force.
        DateInvalid: the date is not usable.
        NeverOffline: the date is off-hours, and there are none.
    """
    _check_active(situation, expect_active_key_id)
    command = Command.PLAN_FORCED if force else Command.PLAN
    return carry_out(situation, command, Asked(order=order, when=when, pinned=pinned))


def schedule_by_policy(
    situation: Situation, order: Order, when: When, *, pinned: bool = False
) -> RotationPlan:
    """There is a waiting secret that takes over once it is revealed; the cut has its date already.

    Raises:
        NothingToRotate: the project has no secret.
        RotationPending: an earlier rotation is not over.
        DateInvalid: the date is not usable.
        NeverOffline: the date is off-hours, and there are none.
    """
    return carry_out(situation, Command.SCHEDULE, Asked(order=order, when=when, pinned=pinned))


def reveal(situation: Situation, key_id: KeyId) -> RotationPlan:
    """The waiting secret is active and may be shown this one time; the active one is retiring.

    Raises:
        AlreadyRevealed: this secret does not wait.
    """
    waiting = situation.find(SecretState.WAITING)
    if waiting and waiting.key_id != key_id:
        raise AlreadyRevealed
    return carry_out(situation, Command.REVEAL)


def reschedule(
    situation: Situation, rotation_id: RotationId, when: When, *, pinned: bool | None = None
) -> RotationPlan:
    """The rotation has another date; a cancelled one has a date again.

    Raises:
        RotationOver: it is not under way.
        DateInvalid: the date is not usable.
        NeverOffline: the date is off-hours, and there are none.
    """
    _check_standing(situation, rotation_id)
    return carry_out(situation, Command.RESCHEDULE, Asked(when=when, pinned=pinned))


def pin(situation: Situation, rotation_id: RotationId, *, pinned: bool) -> RotationPlan:
    """A change of the operating hours leaves the rotation's date alone, or moves it again.

    Raises:
        RotationOver: it is not under way.
    """
    _check_standing(situation, rotation_id)
    return carry_out(situation, Command.PIN, Asked(pinned=pinned))


def cancel(situation: Situation, rotation_id: RotationId) -> RotationPlan:
    """The rotation has no date, and both its secrets stay valid; one never revealed is revoked.

    Raises:
        RotationOver: it is not under way.
    """
    _check_standing(situation, rotation_id)
    return carry_out(situation, Command.CANCEL)


def run_now(situation: Situation, rotation_id: RotationId, *, force: bool = False) -> RotationPlan:
    """The old secret is revoked now, whatever the date and the hours.

    Raises:
        RotationOver: the rotation is not under way.
        SecretWaiting: its new secret was never revealed.
        NewSecretUnused: its new secret never verified a token, and there is no force.
    """
    _check_standing(situation, rotation_id)
    return carry_out(situation, Command.RUN_FORCED if force else Command.RUN)


def cut_due(situation: Situation) -> RotationPlan:
    """The old secret is revoked if its date has come, chat is offline and the new one is used.

    Otherwise the rotation is postponed; the plan is empty where no date has come.
    """
    standing = situation.standing
    if standing is None or not is_due(standing, situation.now):
        return RotationPlan()
    if not may_cut(standing, situation.calendar):
        return carry_out(situation, Command.DUE_OUTSIDE)
    return carry_out(situation, Command.DUE_FORCED if standing.forced else Command.DUE)


def move_with_hours(situation: Situation) -> RotationPlan:
    """The pending rotation has the date that it has by the situation's hours and zone.

    To be asked for after every change of them; nothing is ever cut by it. The plan is empty where
    the date stays.
    """
    return carry_out(situation, Command.HOURS)


def _check_active(situation: Situation, expected: KeyId | None) -> None:
    active = situation.find(SecretState.ACTIVE)
    if expected and (active is None or active.key_id != expected):
        raise ChangedMeanwhile


def _check_standing(situation: Situation, rotation_id: RotationId) -> None:
    standing = situation.standing
    if standing is None or standing.id != rotation_id:
        raise RotationOver
