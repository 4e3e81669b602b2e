"""What is said of a plan: its events for the outbox, its line for the audit log; never a secret."""

from datetime import datetime

from domain.events import EventKind
from domain.ids import KeyId
from domain.json_values import Json, JsonObject
from domain.rotation_plans import AuditWords, DateMoved, PlannedEvent, RotationPlan
from domain.rotation_transitions import Command
from domain.signing_secrets import SecretState
from domain.times import to_wire

_ACTIONS = {
    Command.REGENERATE: "secret.regenerated",
    Command.PLAN: "rotation.planned",
    Command.PLAN_FORCED: "rotation.planned",
    Command.SCHEDULE: "rotation.scheduled",
    Command.REVEAL: "secret.revealed",
    Command.RESCHEDULE: "rotation.rescheduled",
    Command.CANCEL: "rotation.cancelled",
    Command.RUN: "rotation.run",
    Command.RUN_FORCED: "rotation.run",
    Command.DUE: "rotation.cut",
    Command.DUE_FORCED: "rotation.cut",
    Command.DUE_OUTSIDE: "rotation.postponed",
    Command.HOURS: "rotation.moved",
}


def events_of(plan: RotationPlan, epoch: int) -> tuple[PlannedEvent, ...]:
    """The facts that the plan makes, in their order.

    Args:
        epoch: the project's before the plan.
    """
    events = (_secret_rotated(plan), _secret_revoked(plan, epoch), _postponed(plan.moved))
    return tuple(event for event in events if event)


def audit_of(plan: RotationPlan, command: Command, reason: str | None) -> AuditWords:
    """What was done to what; members that have nothing to say are left out."""
    rotation = plan.rotation
    details: JsonObject = {
        "key_id": _new_key(plan),
        "rotation_id": rotation.id if rotation else None,
        "revoked": _revoked(plan),
        "due_at": _time_text(rotation.due_at) if rotation else None,
        "moved_because": plan.moved.because.value if plan.moved else None,
        "pinned": (rotation is not None and rotation.pinned) or None,
        "forced": (rotation is not None and rotation.forced) or None,
        "reason": reason,
    }
    told: JsonObject = {name: said for name, said in details.items() if said not in (None, [])}
    return AuditWords(_action(plan, command), told)


def _action(plan: RotationPlan, command: Command) -> str:
    if plan.rotation is None:
        return "secret.generated"
    if command is Command.PIN:
        return "rotation.pinned" if plan.rotation.pinned else "rotation.unpinned"
    if plan.moved and command is not Command.HOURS:
        return "rotation.postponed"
    return _ACTIONS[command]


def _secret_rotated(plan: RotationPlan) -> PlannedEvent | None:
    key_id = _new_active(plan)
    if key_id is None:
        return None
    rotation_id = plan.rotation.id if plan.rotation else None
    return PlannedEvent(EventKind.SECRET_ROTATED, {"key_id": key_id, "rotation_id": rotation_id})


def _secret_revoked(plan: RotationPlan, epoch: int) -> PlannedEvent | None:
    """Only a cut has to be carried out: no session is an unused secret's, or a waiting one's."""
    if plan.cut is None:
        return None
    payload: JsonObject = {
        "rotation_id": plan.cut.id,
        "key_ids": _revoked(plan),
        "epoch": plan.epoch or epoch,
    }
    return PlannedEvent(EventKind.SECRET_REVOKED, payload)


def _postponed(moved: DateMoved | None) -> PlannedEvent | None:
    if moved is None:
        return None
    payload: JsonObject = {
        "rotation_id": moved.rotation_id,
        "because": moved.because.value,
        "due_before": _time_text(moved.due_before),
        "due_at": _time_text(moved.due_at),
    }
    return PlannedEvent(EventKind.ROTATION_POSTPONED, payload)


def _new_key(plan: RotationPlan) -> KeyId | None:
    return plan.new_secret.key_id if plan.new_secret else _new_active(plan)


def _new_active(plan: RotationPlan) -> KeyId | None:
    entering = (*plan.secret_changes, plan.new_secret)
    active = (one.key_id for one in entering if one and one.state is SecretState.ACTIVE)
    return next(active, None)


def _revoked(plan: RotationPlan) -> list[Json]:
    """The secrets that end, newest first."""
    changes = reversed(plan.secret_changes)
    return [one.key_id for one in changes if one.state is SecretState.REVOKED]


def _time_text(moment: datetime | None) -> str | None:
    return to_wire(moment) if moment else None
