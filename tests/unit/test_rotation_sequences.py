"""Any sequence of commands, clock ticks, changed hours and verified tokens keeps the rules."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import Refused
from domain.events import EventKind
from domain.ids import KeyId, RotationId
from domain.operating_hours import OperatingHours
from domain.rotation_dates import AtTime, OffHours, When
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
from domain.rotations import Rotation, RotationHow, RotationState
from domain.signing_secrets import SecretState
from tests.unit.hours_made_up import ALWAYS_OFFLINE, ROUND_THE_CLOCK, every_day, hours
from tests.unit.ring_worlds import SHOP, World, pending
from tests.unit.wall_clocks import MINUTE, watch

NEVER_OR_ALWAYS: list[OperatingHours | None] = [None, ALWAYS_OFFLINE, ROUND_THE_CLOCK]
HOURS: list[OperatingHours | None] = [
    SHOP,
    every_day(("09:00", "12:30"), ("13:30", "18:00")),
    every_day(("18:00", "02:30")),
    hours(*[[["08:00", "20:00"]]] * 5, [], []),
]
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe"]
# The clocks go forward in New York on the 8th, back on Lord Howe a month later.
START = datetime.fromisoformat("2026-03-06T12:00:00Z")

flags = st.booleans()
flags3 = st.tuples(flags, flags, flags)
delays = st.sampled_from([1, 7, 60, 500, 1440, 4000, 47000]).map(lambda m: timedelta(minutes=m))


any_hours = st.sampled_from(HOURS) | st.sampled_from(HOURS + NEVER_OR_ALWAYS)


class Sequences(RuleBasedStateMachine):
    """A project that everything happens to."""

    @initialize(hours_=any_hours, zone=st.sampled_from(ZONES), empty=flags)
    def start(self, hours_: OperatingHours | None, zone: str, *, empty: bool) -> None:
        """It begins without a secret, or with its first."""
        self.world = World(hours_, zone)
        self.world.now = START
        self.epochs = [1]
        if not empty:
            self.world.do(regenerate(self.world.situation(), self.world.order()))

    # --- commands of people -------------------------------------------------------------------

    @rule()
    def regenerate(self) -> None:
        """Always allowed, and nothing earlier is accepted afterwards."""
        self.world.do(regenerate(self.world.situation(), self.world.order()))

        assert [one.state for one in self.world.situation().living] == [SecretState.ACTIVE]
        assert not list(pending(self.world))

    @rule(delay=delays, in_off_hours=flags, how=flags3, least=st.sampled_from([0, 0, 90]))
    def plan(
        self, delay: timedelta, how: tuple[bool, bool, bool], least: int, *, in_off_hours: bool
    ) -> None:
        """A new secret, which a site may use at once."""
        force, pinned, used = how
        when = OffHours(least) if in_off_hours else AtTime(self.world.now + delay)
        order = self.world.order()
        self._try(
            lambda: plan_rotation(self.world.situation(), order, when, force=force, pinned=pinned)
        )
        if used and self.world.secrets:
            self.world.use(self.world.active)

    @rule(delay=delays, in_off_hours=flags)
    def schedule(self, delay: timedelta, *, in_off_hours: bool) -> None:
        """What a policy asks for: some time ahead."""
        ahead = self.world.now + delay
        when: When = OffHours(not_before=ahead) if in_off_hours else AtTime(ahead)
        order = self.world.order()
        self._try(lambda: schedule_by_policy(self.world.situation(), order, when))

    @rule(which=st.integers(0, 2))
    def reveal(self, which: int) -> None:
        """The waiting one, or one that does not wait."""
        living = [one.key_id for one in self.world.situation().living]
        key_id = living[which] if which < len(living) else KeyId("none")
        self._try(lambda: reveal(self.world.situation(), key_id))

    @rule(which=st.integers(0, 2), delay=delays, in_off_hours=flags)
    def reschedule(self, which: int, delay: timedelta, *, in_off_hours: bool) -> None:
        """Any of the latest rotations."""
        when = OffHours() if in_off_hours else AtTime(self.world.now + delay)
        self._try(lambda: reschedule(self.world.situation(), self._rotation(which), when))

    @rule(which=st.integers(0, 2), what=st.sampled_from(["pin", "unpin", "cancel", "run", "force"]))
    def manage(self, which: int, what: str) -> None:
        """Any of the latest rotations is pinned, cancelled or run."""
        situation, rotation_id = self.world.situation(), self._rotation(which)
        if what in {"pin", "unpin"}:
            self._try(lambda: pin(situation, rotation_id, pinned=what == "pin"))
        elif what == "cancel":
            self._try(lambda: cancel(situation, rotation_id))
        else:
            self._try(lambda: run_now(situation, rotation_id, force=what == "force"))

    # --- what happens by itself ---------------------------------------------------------------

    @rule(which=st.integers(0, 1))
    def use(self, which: int) -> None:
        """A site signs with one of the accepted secrets."""
        accepted = [one for one in self.world.situation().living if one.state != "waiting"]
        for secret in accepted[which : which + 1]:
            self.world.use(secret.key_id)

    @rule(hours_=any_hours, zone=st.sampled_from(ZONES))
    def change_hours(self, hours_: OperatingHours | None, zone: str) -> None:
        """Editing never rotates; asking again changes nothing more."""
        self.world.hours, self.world.zone = hours_, ZoneInfo(zone)
        states = self.world.states
        settled = [
            one
            for one in pending(self.world)
            if one.how == RotationHow.AT or (one.pinned and one.due_at)
        ]

        plan = self.world.do(move_with_hours(self.world.situation()))

        assert self.world.states == states
        assert all(self.world.rotations[one.id] == one for one in settled)
        assert not [event for event in plan.events if event.kind != EventKind.ROTATION_POSTPONED]
        assert move_with_hours(self.world.situation()).moved is None

    @rule(delay=delays)
    def tick(self, delay: timedelta) -> None:
        """Time passes, and the runner looks."""
        self.world.now += delay
        self._look()

    @rule(late=st.sampled_from([0, 1, 300, 900, 1000, 2400]))
    def come_due(self, late: int) -> None:
        """The next date comes, and the runner looks then, or so many minutes late."""
        for rotation in pending(self.world):
            if rotation.due_at:
                due = rotation.due_at + timedelta(minutes=late)
                self.world.now = max(self.world.now, due)
        self._look()

    @rule()
    def settle(self) -> None:
        """The receipts of all cuts are complete."""
        self.world.settle()

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def epoch_is_the_lowest_generation_accepted(self) -> None:
        """And never falls."""
        accepted = [
            one.generation for one in self.world.situation().living if one.state != "waiting"
        ]
        assert self.world.epoch == min(accepted, default=1)
        self.epochs.append(self.world.epoch)
        assert self.epochs == sorted(self.epochs)

    @invariant()
    def rotations_go_with_secrets(self) -> None:
        """One is waiting or retiring exactly while a rotation is under way; one pending at most."""
        situation = self.world.situation()
        others = [one for one in situation.living if one.state is not SecretState.ACTIVE]
        under_way = [one for one in situation.rotations if situation._is_under_way(one)]
        assert len(others) == len(under_way) <= 1
        assert len(situation.living) - len(others) == bool(self.world.secrets)
        assert set(pending(self.world)) <= set(under_way)

    @invariant()
    def every_cut_is_announced_once(self) -> None:
        """By one event that names its rotation, and the secrets that nobody else names."""
        revoked = [one.payload for one in self.world.events if one.kind == "SecretRevoked"]
        cut = [one.id for one in self.world.rotations.values() if one.effective_at]
        assert sorted(str(payload["rotation_id"]) for payload in revoked) == sorted(cut)
        named = [key for payload in revoked for key in payload["key_ids"]]  # type: ignore[union-attr]
        assert len(named) == len(set(named))
        unnamed = [one for one in self.world.secrets.values() if one.key_id not in named]
        assert all(one.last_verified_at is None for one in unnamed if one.revoked_at)

    def _look(self) -> None:
        """What is due is cut or postponed; looking again changes nothing."""
        before = {one.id: one for one in pending(self.world)}

        self.world.do(cut_due(self.world.situation()))

        for rotation_id, rotation in before.items():
            self._check_tick(rotation, self.world.rotations[rotation_id])
        assert cut_due(self.world.situation()).is_empty

    def _check_tick(self, before: Rotation, after: Rotation) -> None:
        """It waits for a date to come, or was cut in the right hours with its secret in use."""
        if after.state is not RotationState.CUTTING:
            assert after.due_at is None or after.due_at > self.world.now
            return
        assert before.due_at is not None
        assert before.due_at <= self.world.now == after.effective_at
        assert before.forced or self.world.secrets[before.new_key_id].last_verified_at
        own = before.window_ends_at if before.pinned else None
        if before.how == RotationHow.OFF_HOURS and (own is None or self.world.now >= own):
            assert self._is_offline_by_the_clock()

    def _is_offline_by_the_clock(self) -> bool:
        minute = self.world.now.replace(second=0, microsecond=0)
        if self.world.hours is None:
            return False
        watched = watch(self.world.hours, self.world.zone, minute - 180 * MINUTE, minute + MINUTE)
        return watched.offline[-1]

    def _try(self, command: Callable[[], RotationPlan]) -> None:
        """The command is carried out, or refused and nothing has changed."""
        try:
            self.world.do(command())
        except Refused:
            return

    def _rotation(self, which: int) -> RotationId:
        latest = list(self.world.rotations)[::-1]
        return latest[which] if which < len(latest) else RotationId("none")


LONG = bool(os.environ.get("WIDGET_AUTH_LONG_TESTS"))

Sequences.TestCase.settings = settings(
    max_examples=3000 if LONG else 80, stateful_step_count=50 if LONG else 30
)
TestSequences = Sequences.TestCase
