"""The table of transitions: every command in every phase."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import Conflict
from domain.ids import RotationId
from domain.rotation_plans import RotationPlan
from domain.rotation_rules import (
    cancel,
    cut_due,
    move_with_hours,
    pin,
    plan_rotation,
    regenerate,
    reschedule,
    reveal,
    run_now,
    schedule_by_policy,
)
from domain.rotation_table import TABLE
from domain.rotation_transitions import Command, Phase, Transition
from tests.unit.hours_made_up import every_day
from tests.unit.ring_worlds import CLOSING, World, at

PHASES = tuple(Phase)


def _latest(world: World) -> RotationId:
    return world.latest.id if world.rotations else RotationId("none")


def _newest_living(world: World) -> RotationPlan:
    living = world.situation().living
    return reveal(world.situation(), living[0].key_id if living else world.order().key_id)


def _come_due(world: World, *, forced: bool = False) -> RotationPlan:
    world.now = CLOSING + timedelta(minutes=1)
    for rotation in world.rotations.values():
        world.rotations[rotation.id] = replace(rotation, forced=forced)
    return cut_due(world.situation())


def _come_late(world: World) -> RotationPlan:
    world.now = CLOSING + timedelta(hours=18)
    return cut_due(world.situation())


def _change_hours(world: World) -> RotationPlan:
    world.hours = every_day(("09:00", "17:00"))
    return move_with_hours(world.situation())


ASKED: dict[Command, Callable[[World], RotationPlan]] = {
    Command.REGENERATE: lambda world: regenerate(world.situation(), world.order()),
    Command.PLAN: lambda world: plan_rotation(world.situation(), world.order(), at(1)),
    Command.PLAN_FORCED: lambda world: plan_rotation(
        world.situation(), world.order(), at(1), force=True
    ),
    Command.SCHEDULE: lambda world: schedule_by_policy(world.situation(), world.order(), at(1)),
    Command.REVEAL: _newest_living,
    Command.RESCHEDULE: lambda world: reschedule(world.situation(), _latest(world), at(1)),
    Command.PIN: lambda world: pin(world.situation(), _latest(world), pinned=True),
    Command.CANCEL: lambda world: cancel(world.situation(), _latest(world)),
    Command.RUN: lambda world: run_now(world.situation(), _latest(world)),
    Command.RUN_FORCED: lambda world: run_now(world.situation(), _latest(world), force=True),
    Command.DUE: _come_due,
    Command.DUE_FORCED: lambda world: _come_due(world, forced=True),
    Command.DUE_OUTSIDE: _come_late,
    Command.HOURS: _change_hours,
}


def outcome(phase: Phase, command: Command) -> str:
    """The states of all secrets by generation, the rotations and their dates, the epoch."""
    world = World.in_phase(phase)
    try:
        world.do(ASKED[command](world))
    except Conflict as refused:
        return refused.code
    rotations = [
        f"{one.state} {one.due_at:%d %H:%M}" if one.due_at else str(one.state)
        for one in world.rotations.values()
    ]
    return ", ".join([f"{world.states} {world.epoch}", *rotations])


# One line a phase, in the order of PHASES. It is noon on the 18th, generation 1 is the oldest;
# w waiting, a active, r retiring, x revoked; then the project's epoch, then the rotations.
EXPECTED: dict[Command, tuple[str, ...]] = {
    Command.REGENERATE: (
        "a 1",
        "xa 2, cutting 18 12:00",
        "xxa 3, superseded 18 18:00, cutting 18 12:00",
        "xxa 3, superseded 18 18:00, cutting 18 12:00",
        "xxa 3, superseded 18 18:00, cutting 18 12:00",
        "xxa 3, cancelled, cutting 18 12:00",
        "xxa 3, cancelled, cutting 18 12:00",
    ),
    Command.PLAN: (
        "a 1",
        "ra 1, overlapping 18 13:00",
        "rotation_pending",
        "rotation_pending",
        "rotation_pending",
        "rotation_pending",
        "rotation_pending",
    ),
    Command.PLAN_FORCED: (
        "a 1",
        "ra 1, overlapping 18 13:00",
        "rxa 1, superseded 18 18:00, overlapping 18 13:00",
        "rxa 1, superseded 18 18:00, overlapping 18 13:00",
        "xra 2, cutting 18 12:00, overlapping 18 13:00",
        "rxa 1, cancelled, overlapping 18 13:00",
        "xra 2, cutting 18 12:00, overlapping 18 13:00",
    ),
    Command.SCHEDULE: (
        "nothing_to_rotate",
        "aw 1, scheduled 18 13:00",
        "rotation_pending",
        "rotation_pending",
        "rotation_pending",
        "rotation_pending",
        "rotation_pending",
    ),
    Command.REVEAL: (
        "already_revealed",
        "already_revealed",
        "ra 1, overlapping 18 18:00",
        "already_revealed",
        "already_revealed",
        "already_revealed",
        "already_revealed",
    ),
    Command.RESCHEDULE: (
        "rotation_over",
        "rotation_over",
        "aw 1, scheduled 18 13:00",
        "ra 1, overlapping 18 13:00",
        "ra 1, overlapping 18 13:00",
        "ra 1, overlapping 18 13:00",
        "ra 1, overlapping 18 13:00",
    ),
    Command.PIN: (
        "rotation_over",
        "rotation_over",
        "aw 1, scheduled 18 18:00",
        "ra 1, overlapping 18 18:00",
        "ra 1, overlapping 18 18:00",
        "ra 1, cancelled",
        "ra 1, cancelled",
    ),
    Command.CANCEL: (
        "rotation_over",
        "rotation_over",
        "ax 1, cancelled",
        "ra 1, cancelled",
        "ra 1, cancelled",
        "ra 1, cancelled",
        "ra 1, cancelled",
    ),
    Command.RUN: (
        "rotation_over",
        "rotation_over",
        "secret_waiting",
        "new_secret_unused",
        "xa 2, cutting 18 12:00",
        "new_secret_unused",
        "xa 2, cutting 18 12:00",
    ),
    Command.RUN_FORCED: (
        "rotation_over",
        "rotation_over",
        "secret_waiting",
        "xa 2, cutting 18 12:00",
        "xa 2, cutting 18 12:00",
        "xa 2, cutting 18 12:00",
        "xa 2, cutting 18 12:00",
    ),
    Command.DUE: (
        " 1",
        "a 1",
        "aw 1, scheduled 19 18:00",
        "ra 1, overlapping 19 18:00",
        "xa 2, cutting 18 18:00",
        "ra 1, cancelled",
        "ra 1, cancelled",
    ),
    Command.DUE_FORCED: (
        " 1",
        "a 1",
        "aw 1, scheduled 19 18:00",
        "xa 2, cutting 18 18:00",
        "xa 2, cutting 18 18:00",
        "ra 1, cancelled",
        "ra 1, cancelled",
    ),
    Command.DUE_OUTSIDE: (
        " 1",
        "a 1",
        "aw 1, scheduled 19 18:00",
        "ra 1, overlapping 19 18:00",
        "ra 1, overlapping 19 18:00",
        "ra 1, cancelled",
        "ra 1, cancelled",
    ),
    Command.HOURS: (
        " 1",
        "a 1",
        "aw 1, scheduled 18 17:00",
        "ra 1, overlapping 18 17:00",
        "ra 1, overlapping 18 17:00",
        "ra 1, cancelled",
        "ra 1, cancelled",
    ),
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("command", Command)
def test_every_command_in_every_phase(command: Command, phase: Phase) -> None:
    """What becomes of the secrets, the epoch, the rotations and their dates."""
    assert outcome(phase, command) == EXPECTED[command][PHASES.index(phase)]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("command", Command)
def test_the_table_says_what_happens(command: Command, phase: Phase) -> None:
    """Which phase follows, or which refusal; nothing is left out."""
    world, cell = World.in_phase(phase), TABLE[command][phase]
    assert world.situation().phase is phase

    if not isinstance(cell, Transition):
        with pytest.raises(cell):
            ASKED[command](world)
        return
    world.do(ASKED[command](world))

    assert world.situation().phase is cell.then


def test_the_table_is_whole() -> None:
    """It has a cell for every pair, and none can be changed at run time."""
    assert set(TABLE) == set(Command)
    assert all(set(row) == set(Phase) for row in TABLE.values())
    with pytest.raises(TypeError):
        TABLE[Command.RUN][Phase.USED] = Transition(Phase.USED)  # type: ignore[index]
