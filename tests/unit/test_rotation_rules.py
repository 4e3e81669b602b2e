"""Stories of secrets: regenerated, planned, replaced, revealed, cancelled, run."""

from datetime import timedelta

import pytest

from domain.ids import KeyId, RotationId
from domain.rotation_dates import OffHours
from domain.rotation_plans import AuditWords, NewSecret, PlannedEvent, RotationPlan, SecretChange
from domain.rotation_refusals import (
    AlreadyRevealed,
    ChangedMeanwhile,
    NewSecretUnused,
    RotationOver,
    RotationPending,
)
from domain.rotation_rules import (
    cancel,
    cut_due,
    plan_rotation,
    regenerate,
    reschedule,
    reveal,
    run_now,
    schedule_by_policy,
)
from domain.rotation_transitions import Phase
from domain.rotations import Rotation, RotationHow, RotationState
from domain.signing_secrets import SecretState
from tests.unit.ring_worlds import CLOSING, NOON, PROJECT, World, at


def test_the_first_secret_revokes_nothing() -> None:
    """Generated or planned: it has no rotation, no date and raises no epoch."""
    for world in (World(), World(None)):
        generated = regenerate(world.situation(), world.order("start"))
        planned = plan_rotation(world.situation(), world.order("start"), OffHours())

        for plan, key_id in ((generated, "k1"), (planned, "k2")):
            assert plan == RotationPlan(
                new_secret=NewSecret(KeyId(key_id), 1, SecretState.ACTIVE),
                events=(
                    PlannedEvent("SecretRotated", {"key_id": key_id, "rotation_id": None}),  # type: ignore[arg-type]
                ),
                audit=AuditWords("secret.generated", {"key_id": key_id, "reason": "start"}),
            )


def test_regenerate_ends_every_earlier_generation() -> None:
    """Whole: what storage writes and what is announced, during an overlap."""
    world = World.in_phase(Phase.UNUSED)
    overlap = world.latest

    plan = world.do(regenerate(world.situation(), world.order("leaked")))

    assert plan.new_secret == NewSecret(KeyId("k3"), 3, SecretState.ACTIVE)
    assert plan.secret_changes == (
        SecretChange(KeyId("k1"), SecretState.REVOKED),
        SecretChange(KeyId("k2"), SecretState.REVOKED),
    )
    assert [one.state for one in plan.updated] == [RotationState.SUPERSEDED]
    assert plan.updated[0].due_at == overlap.due_at
    assert plan.inserted == plan.rotation == plan.cut
    assert plan.inserted == Rotation(
        id=RotationId("r3"),
        project_id=PROJECT,
        old_key_id=KeyId("k2"),
        new_key_id=KeyId("k3"),
        how=RotationHow.NOW,
        state=RotationState.CUTTING,
        requested_at=NOON,
        requested_by="ada",
        reason="leaked",
        due_at=NOON,
        effective_at=NOON,
    )
    assert plan.epoch == 3
    assert [(event.kind, event.payload) for event in plan.events] == [
        ("SecretRotated", {"key_id": "k3", "rotation_id": "r3"}),
        ("SecretRevoked", {"rotation_id": "r3", "key_ids": ["k2", "k1"], "epoch": 3}),
    ]
    assert plan.audit == AuditWords(
        "secret.regenerated",
        {
            "key_id": "k3",
            "rotation_id": "r3",
            "revoked": ["k2", "k1"],
            "due_at": "2026-11-18T12:00:00.000Z",
            "reason": "leaked",
        },
    )


def test_a_planned_rotation_lets_both_secrets_verify_until_the_cut() -> None:
    """The epoch rises with the cut alone, and then the event goes out."""
    world = World()
    world.do(regenerate(world.situation(), world.order()))
    plan = world.do(plan_rotation(world.situation(), world.order(), at(2)))

    assert (world.states, plan.epoch) == ("ra", None)
    assert [event.kind for event in plan.events] == ["SecretRotated"]
    assert plan.rotation
    assert (plan.rotation.old_key_id, plan.rotation.new_key_id) == ("k1", "k2")

    world.use(world.active)
    world.now = NOON + timedelta(hours=2)
    cut = world.do(cut_due(world.situation()))

    assert (world.states, world.epoch) == ("xa", 2)
    assert [event.payload for event in cut.events] == [
        {"rotation_id": "r2", "key_ids": ["k1"], "epoch": 2}
    ]
    assert cut.audit
    assert cut.audit.action == "rotation.cut"
    assert cut_due(world.situation()).is_empty


def test_a_second_planned_one_is_refused_while_one_is_under_way() -> None:
    """Waiting, overlapping, or cancelled with the old secret still valid."""
    for phase in (Phase.WAITING, Phase.UNUSED, Phase.USED, Phase.CANCELLED_USED):
        world = World.in_phase(phase)
        with pytest.raises(RotationPending):
            plan_rotation(world.situation(), world.order(), at(3))


def test_a_lost_response_is_repaired_by_generating_again() -> None:
    """The secret that nobody has is replaced; visitors with the old one notice nothing."""
    world = World.in_phase(Phase.UNUSED)

    plan = world.do(plan_rotation(world.situation(), world.order(), at(3), force=True))

    assert (world.states, world.epoch) == ("rxa", 1)
    assert plan.rotation
    assert (plan.rotation.old_key_id, plan.rotation.new_key_id) == ("k1", "k3")
    assert [event.kind for event in plan.events] == ["SecretRotated"]
    assert plan.audit
    assert plan.audit.details["revoked"] == ["k2"]


def test_force_cuts_the_older_one_where_the_newer_is_used() -> None:
    """That cut is the earlier rotation's, with its receipt."""
    world = World.in_phase(Phase.USED)

    plan = world.do(plan_rotation(world.situation(), world.order(), at(3), force=True))

    assert (world.states, world.epoch) == ("xra", 2)
    earlier, later = world.rotations.values()
    assert (earlier.state, earlier.due_at, earlier.effective_at) == ("cutting", NOON, NOON)
    assert (later.state, later.old_key_id, later.new_key_id) == ("overlapping", "k2", "k3")
    assert (plan.cut, plan.rotation) == (earlier, later)
    assert [event.payload for event in plan.events] == [
        {"key_id": "k3", "rotation_id": "r3"},
        {"rotation_id": "r2", "key_ids": ["k1"], "epoch": 2},
    ]


def test_force_turns_the_guard_off_only_where_nothing_else_was_in_its_way() -> None:
    """Repairing a lost response must not lock everyone out at the cut."""
    steady, pending = World.in_phase(Phase.STEADY), World.in_phase(Phase.UNUSED)
    for world in (steady, pending):
        world.do(plan_rotation(world.situation(), world.order(), at(3), force=True))
        world.now = NOON + timedelta(hours=3)
        world.do(cut_due(world.situation()))

    assert (steady.latest.forced, steady.latest.state) == (True, "cutting")
    assert (pending.latest.forced, pending.latest.state) == (False, "overlapping")


def test_a_replaced_secret_is_skipped_by_the_next_cut() -> None:
    """The epoch goes over its generation."""
    world = World.in_phase(Phase.UNUSED)
    world.do(plan_rotation(world.situation(), world.order(), at(3), force=True))
    world.use(world.active)
    world.now = NOON + timedelta(hours=3)

    world.do(cut_due(world.situation()))

    assert (world.states, world.epoch) == ("xxa", 3)


@pytest.mark.parametrize("phase", Phase)
def test_whoever_saw_another_active_secret_is_refused(phase: Phase) -> None:
    """Before anything else is looked at: double clicks, two administrators."""
    world = World.in_phase(phase)
    expected = KeyId("k0")

    with pytest.raises(ChangedMeanwhile):
        regenerate(world.situation(), world.order(), expect_active_key_id=expected)
    with pytest.raises(ChangedMeanwhile):
        plan_rotation(world.situation(), world.order(), at(1), expect_active_key_id=expected)
    if phase is not Phase.EMPTY:
        active = world.active
        assert regenerate(world.situation(), world.order(), expect_active_key_id=active).cut


def test_cancelled_both_stay_valid_until_run_or_rescheduled() -> None:
    """The same rotation goes on."""
    for again in (run_now, lambda s, r: reschedule(s, r, at(5))):
        world = World.in_phase(Phase.CANCELLED_USED)
        world.now = NOON + timedelta(days=30)
        assert cut_due(world.situation()).is_empty
        assert (world.states, world.latest.due_at) == ("ra", None)

        world.now = NOON
        world.do(again(world.situation(), world.latest.id))

        assert world.latest.id == "r2"
        assert world.latest.state in {RotationState.CUTTING, RotationState.OVERLAPPING}


def test_a_cancelled_policy_rotation_ends_its_waiting_secret() -> None:
    """Nobody ever saw it; the next one has the next number."""
    world = World.in_phase(Phase.WAITING)

    plan = world.do(cancel(world.situation(), world.latest.id))
    world.do(plan_rotation(world.situation(), world.order(), at(1)))

    assert (plan.epoch, plan.events) == (None, ())
    assert world.states == "rxa"


def test_run_asks_whether_the_new_secret_is_used() -> None:
    """Forced, it does not; and it is recorded that it was forced."""
    world = World.in_phase(Phase.UNUSED)
    with pytest.raises(NewSecretUnused):
        run_now(world.situation(), world.latest.id)

    world.do(run_now(world.situation(), world.latest.id, force=True))

    assert (world.states, world.epoch, world.latest.forced) == ("xa", 2, True)
    assert (world.latest.due_at, world.latest.effective_at) == (NOON, NOON)
    assert world.latest.window_ends_at is None


def test_run_asks_for_no_window() -> None:
    """It is a person who says now."""
    world = World.in_phase(Phase.USED)

    plan = world.do(run_now(world.situation(), world.latest.id))

    assert plan.cut
    assert plan.audit
    assert (plan.audit.action, plan.audit.details["revoked"]) == ("rotation.run", ["k1"])


def test_a_rotation_that_is_over_is_not_changed() -> None:
    """Cut, superseded, or of another project."""
    world = World.in_phase(Phase.USED)
    cut = world.do(run_now(world.situation(), world.latest.id)).rotation
    world.do(plan_rotation(world.situation(), world.order(), at(1)))
    assert cut

    for over in (cut.id, RotationId("another")):
        for command in (cancel, run_now):
            with pytest.raises(RotationOver):
                command(world.situation(), over)
        with pytest.raises(RotationOver):
            reschedule(world.situation(), over, at(2))


def test_a_policy_makes_a_secret_that_waits() -> None:
    """It neither signs nor verifies, and nothing is announced."""
    world = World.in_phase(Phase.STEADY)

    plan = world.do(schedule_by_policy(world.situation(), world.order("90 days"), OffHours()))

    assert world.states == "aw"
    assert (plan.epoch, plan.events) == (None, ())
    assert world.latest.state is RotationState.SCHEDULED
    assert (world.latest.old_key_id, world.latest.new_key_id) == ("k1", "k2")
    assert plan.audit
    assert plan.audit.action == "rotation.scheduled"


def test_a_waiting_secret_is_revealed_one_time() -> None:
    """With it the overlap begins, towards the date that was set."""
    world = World.in_phase(Phase.WAITING)

    plan = world.do(reveal(world.situation(), KeyId("k2")))

    assert world.states == "ra"
    assert (world.latest.state, world.latest.due_at) == (RotationState.OVERLAPPING, CLOSING)
    assert [(event.kind, event.payload) for event in plan.events] == [
        ("SecretRotated", {"key_id": "k2", "rotation_id": "r2"})
    ]
    for key_id in ("k2", "k1", "k0"):
        with pytest.raises(AlreadyRevealed):
            reveal(world.situation(), KeyId(key_id))


def test_only_the_waiting_secret_is_revealed() -> None:
    """Not the active one beside it."""
    world = World.in_phase(Phase.WAITING)

    with pytest.raises(AlreadyRevealed):
        reveal(world.situation(), KeyId("k1"))


def test_cancelling_twice_changes_nothing() -> None:
    """Whoever repeats a lost request is not told off."""
    world = World.in_phase(Phase.CANCELLED_USED)

    assert cancel(world.situation(), world.latest.id).is_empty
