"""When rotations cut: dates asked for, missed, postponed, moved by new hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.off_hours import NeverOffline
from domain.rotation_dates import AtTime, OffHours, parse_when
from domain.rotation_refusals import DateInvalid
from domain.rotation_rules import (
    cut_due,
    move_with_hours,
    pin,
    plan_rotation,
    regenerate,
    reschedule,
    reveal,
    schedule_by_policy,
)
from domain.rotation_transitions import Phase
from domain.rotations import Moved, Rotation, RotationHow, RotationState
from tests.unit.hours_made_up import ALWAYS_OFFLINE, ROUND_THE_CLOCK, every_day, hours
from tests.unit.ring_worlds import CLOSING, NOON, SHOP, World, at

DAY = timedelta(days=1)
LUNCHING = every_day(("09:00", "12:30"), ("13:30", "18:00"))
NEVER = [None, ROUND_THE_CLOCK]


def _planned(world: World, when: AtTime | OffHours, *, pinned: bool = False) -> Rotation:
    world.do(regenerate(world.situation(), world.order()))
    world.do(plan_rotation(world.situation(), world.order(), when, pinned=pinned))
    return world.latest


def _due(world: World) -> tuple[RotationState, datetime | None, Moved | None]:
    return world.latest.state, world.latest.due_at, world.latest.moved_because


def test_off_hours_are_the_next_offline_stretch() -> None:
    """The rotation knows its window."""
    rotation = _planned(World(), OffHours())

    assert (rotation.how, rotation.due_at) == (RotationHow.OFF_HOURS, CLOSING)
    assert rotation.window_ends_at == CLOSING + timedelta(hours=15)


def test_off_hours_may_have_to_be_long_enough_or_later() -> None:
    """Not the lunch break; and not before the day after."""
    long_enough = _planned(World(LUNCHING), OffHours(minutes=61))
    lunch = _planned(World(LUNCHING), OffHours())
    later = _planned(World(), OffHours(not_before=CLOSING + DAY))

    assert long_enough.due_at == CLOSING
    assert lunch.due_at == NOON + timedelta(minutes=30)
    assert later.due_at == CLOSING + DAY


@pytest.mark.parametrize("when", [datetime.min.replace(tzinfo=UTC), NOON - DAY, NOON])
def test_off_hours_after_what_is_over_are_the_next(when: datetime) -> None:
    """However long ago: a zero time, as some programs write one, is no time of its own."""
    rotation = _planned(World(), OffHours(not_before=when))

    assert (rotation.due_at, rotation.not_before) == (CLOSING, when)


def test_off_hours_asked_for_at_night_are_the_next_night() -> None:
    """The site needs time to take the new secret over."""
    world = World()
    world.now = CLOSING + timedelta(hours=4)

    assert _planned(world, OffHours()).due_at == CLOSING + DAY


@pytest.mark.parametrize("never", NEVER)
def test_never_offline_has_no_off_hours(never: None) -> None:
    """Neither for a new rotation nor for one that waits; a time can be given."""
    world = World(never)
    world.do(regenerate(world.situation(), world.order()))

    for ask in (plan_rotation, schedule_by_policy):
        with pytest.raises(NeverOffline) as refused:
            ask(world.situation(), world.order(), OffHours())
        assert refused.value.code == "never_offline"
    world.do(plan_rotation(world.situation(), world.order(), at(2)))
    with pytest.raises(NeverOffline):
        reschedule(world.situation(), world.latest.id, OffHours())


def test_always_offline_is_due_with_the_next_minute() -> None:
    """And a postponed one a day later, not minute after minute."""
    world = World(ALWAYS_OFFLINE)
    rotation = _planned(world, OffHours())
    assert rotation.due_at == NOON + timedelta(minutes=1)

    world.now = NOON + timedelta(minutes=2)
    world.do(cut_due(world.situation()))

    assert _due(world) == (
        RotationState.OVERLAPPING,
        NOON + DAY + timedelta(minutes=1),
        Moved.NEW_SECRET_UNUSED,
    )


def test_a_time_is_later_than_now_and_within_400_days() -> None:
    """To the microsecond."""
    tick = timedelta(microseconds=1)
    for wrong in (NOON, NOON - tick, NOON + timedelta(days=400) + tick):
        with pytest.raises(DateInvalid):
            _planned(World(), AtTime(wrong))
    for right in (NOON + tick, NOON + timedelta(days=400)):
        assert _planned(World(), AtTime(right)).due_at == right


def test_off_hours_are_asked_for_within_bounds() -> None:
    """How long, and how late."""
    for wrong in (
        OffHours(minutes=-1),
        OffHours(minutes=7 * 24 * 60 + 1),
        OffHours(not_before=NOON + timedelta(days=401)),
    ):
        with pytest.raises(DateInvalid):
            _planned(World(), wrong)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("now", None),
        ("off_hours", OffHours()),
        ("2026-11-22T02:00:00Z", AtTime(datetime(2026, 11, 22, 2, tzinfo=UTC))),
        ("2026-11-22T02:00:00+02:00", AtTime(datetime(2026, 11, 22, tzinfo=UTC))),
    ],
)
def test_a_date_is_read_from_text(text: str, when: AtTime | OffHours | None) -> None:
    """As requests and the command line give it."""
    assert parse_when(text) == when


@pytest.mark.parametrize(
    "text", ["", "NOW", "tonight", "2026-11-22T02:00:00", "9999-12-31T23:00:00-14:00", "\u0662"]
)
def test_any_other_text_is_refused(text: str) -> None:
    """With what to give instead; a time needs a zone."""
    with pytest.raises(DateInvalid, match="retire_previous: give now, off_hours, or a time"):
        parse_when(text)


def test_nothing_is_cut_before_its_date() -> None:
    """Not a microsecond."""
    world = World.in_phase(Phase.USED)
    world.now = CLOSING - timedelta(microseconds=1)

    assert cut_due(world.situation()).is_empty
    world.now = CLOSING
    assert cut_due(world.situation()).cut


@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=15) - timedelta(seconds=1)])
def test_late_inside_the_window_is_done(late: timedelta) -> None:
    """Until chat opens again."""
    world = World.in_phase(Phase.USED)
    world.now = CLOSING + late

    world.do(cut_due(world.situation()))

    assert world.latest.state is RotationState.CUTTING
    assert (world.latest.due_at, world.latest.effective_at) == (CLOSING, world.now)


def test_late_in_a_later_window_is_done_there() -> None:
    """The runner was down for days and comes back at night."""
    world = World.in_phase(Phase.USED)
    world.now = CLOSING + 3 * DAY + timedelta(hours=1)

    assert cut_due(world.situation()).cut


def test_late_outside_the_window_waits_for_the_next_with_an_alarm() -> None:
    """Nobody is thrown out at ten in the morning."""
    world = World.in_phase(Phase.USED)
    world.now = CLOSING + timedelta(hours=15)

    plan = world.do(cut_due(world.situation()))

    assert _due(world) == (RotationState.OVERLAPPING, CLOSING + DAY, Moved.WINDOW_MISSED)
    assert plan.moved
    assert plan.moved.is_alarm
    assert [(event.kind, event.payload) for event in plan.events] == [
        (
            "RotationPostponed",
            {
                "rotation_id": "r2",
                "because": "window_missed",
                "due_before": "2026-11-18T18:00:00.000Z",
                "due_at": "2026-11-19T18:00:00.000Z",
            },
        )
    ]


def test_a_window_that_is_long_enough_is_waited_for_again() -> None:
    """A lunch break is none, neither to postpone to nor to cut in."""
    world = World(LUNCHING)
    _planned(world, OffHours(minutes=61))
    world.use(world.active)
    world.now = NOON + DAY + timedelta(minutes=45)

    world.do(cut_due(world.situation()))

    assert _due(world) == (RotationState.OVERLAPPING, CLOSING + DAY, Moved.WINDOW_MISSED)


def test_a_given_time_is_cut_as_soon_as_possible() -> None:
    """Chat open or not."""
    world = World.in_phase(Phase.USED, at(22))
    world.now = NOON + timedelta(days=2)

    assert cut_due(world.situation()).cut


def test_the_guard_sends_a_given_time_to_the_next_off_hours() -> None:
    """From then on it is bound to them."""
    world = World.in_phase(Phase.UNUSED, at(1))
    world.now = NOON + timedelta(hours=1)

    plan = world.do(cut_due(world.situation()))

    assert _due(world) == (RotationState.OVERLAPPING, CLOSING, Moved.NEW_SECRET_UNUSED)
    assert world.latest.how == RotationHow.OFF_HOURS
    assert plan.moved
    assert plan.moved.is_alarm
    world.use(world.active)
    world.now = CLOSING + timedelta(hours=20)
    assert not cut_due(world.situation()).cut


def test_the_guard_sends_a_given_time_to_tomorrow_without_off_hours() -> None:
    """At the same time by the local clock, here over a change of it."""
    world = World(None, "America/New_York")
    world.now = datetime(2026, 3, 7, 6, 0, tzinfo=UTC)
    _planned(world, AtTime(datetime(2026, 3, 7, 7, 30, tzinfo=UTC)))  # 02:30
    world.now = datetime(2026, 3, 7, 7, 31, tzinfo=UTC)

    world.do(cut_due(world.situation()))

    assert world.latest.due_at == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)  # there is no 02:30
    assert world.latest.how == RotationHow.AT


def test_new_hours_move_a_pending_rotation_and_say_so() -> None:
    """Without an alarm, and without a cut even if chat is offline now."""
    world = World.in_phase(Phase.USED)
    world.hours = every_day(("09:00", "11:00"), ("15:00", "17:00"))

    plan = world.do(move_with_hours(world.situation()))

    assert _due(world) == (
        RotationState.OVERLAPPING,
        NOON + timedelta(hours=5),
        Moved.HOURS_CHANGED,
    )
    assert plan.moved
    assert not plan.moved.is_alarm
    assert [event.payload["because"] for event in plan.events] == ["hours_changed"]
    assert world.audits[-1].action == "rotation.moved"


def test_a_new_zone_moves_it_too() -> None:
    """Six in the evening is another moment in New York."""
    world = World.in_phase(Phase.WAITING)
    world.zone = ZoneInfo("America/New_York")

    world.do(move_with_hours(world.situation()))

    assert world.latest.due_at == CLOSING + timedelta(hours=5)


def test_the_same_hours_move_nothing() -> None:
    """Also those of one that was postponed, or may not come before some day."""
    postponed = World.in_phase(Phase.UNUSED)
    postponed.now = CLOSING
    postponed.do(cut_due(postponed.situation()))
    ahead = World.in_phase(Phase.WAITING, OffHours(not_before=NOON + 5 * DAY))

    for world in (World.in_phase(Phase.USED), postponed, ahead, World.in_phase(Phase.STEADY)):
        world.now += timedelta(hours=1)
        assert move_with_hours(world.situation()).is_empty


def test_new_hours_do_not_bring_one_forward_before_its_day() -> None:
    """What a policy gave time for keeps it."""
    world = World.in_phase(Phase.WAITING, OffHours(not_before=NOON + 5 * DAY))
    world.hours = every_day(("09:00", "17:00"))

    world.do(move_with_hours(world.situation()))

    assert world.latest.due_at == NOON + 5 * DAY + timedelta(hours=5)


def test_pinned_and_given_times_stay() -> None:
    """Pinned, it is cut in the window that it had; past that, in one there is."""
    given, pinned = World.in_phase(Phase.USED, at(1)), World()
    _planned(pinned, OffHours(), pinned=True)
    pinned.use(pinned.active)

    for world in (given, pinned):
        world.hours = every_day(("12:00", "11:00"))
        assert move_with_hours(world.situation()).is_empty
    pinned.now = CLOSING + timedelta(minutes=5)
    assert cut_due(pinned.situation()).cut
    pinned.now = CLOSING + timedelta(hours=16)
    pinned.do(cut_due(pinned.situation()))
    assert _due(pinned)[1:] == (CLOSING + timedelta(hours=17), Moved.WINDOW_MISSED)


def test_a_pinned_rotation_without_a_date_gets_one_again() -> None:
    """It was left without where chat was never offline; pinned to nothing it would never be cut."""
    world = World()
    _planned(world, OffHours(), pinned=True)
    hours, world.hours = world.hours, None
    world.now = CLOSING + timedelta(hours=16)
    world.do(cut_due(world.situation()))
    assert _due(world)[1:] == (None, Moved.NEVER_OFFLINE)

    world.hours = hours
    world.do(move_with_hours(world.situation()))

    assert _due(world)[1:] == (CLOSING + DAY, Moved.HOURS_CHANGED)
    assert world.latest.pinned


def test_an_unpinned_rotation_follows_the_hours_again() -> None:
    """At once, not only with their next change."""
    world = World()
    _planned(world, OffHours(), pinned=True)
    world.hours = every_day(("09:00", "17:00"))
    assert move_with_hours(world.situation()).is_empty

    world.do(pin(world.situation(), world.latest.id, pinned=False))

    assert world.latest.due_at == CLOSING - timedelta(hours=1)
    assert [audit.action for audit in world.audits][-1] == "rotation.unpinned"


def test_a_rotation_that_is_due_already_is_left_to_the_cut() -> None:
    """Whoever edits the hours at closing time does not delay it by a day."""
    world = World.in_phase(Phase.USED)
    world.now = CLOSING + timedelta(seconds=2)
    world.hours = every_day(("09:00", "17:00"))

    assert move_with_hours(world.situation()).is_empty
    assert cut_due(world.situation()).cut


@pytest.mark.parametrize("never", NEVER)
def test_without_off_hours_it_has_no_date_until_there_are_some(never: None) -> None:
    """With an alarm; both secrets stay valid meanwhile."""
    world = World.in_phase(Phase.USED)
    world.hours = never
    plan = world.do(move_with_hours(world.situation()))

    assert _due(world) == (RotationState.OVERLAPPING, None, Moved.NEVER_OFFLINE)
    assert plan.moved
    assert plan.moved.is_alarm
    world.now += 30 * DAY
    assert cut_due(world.situation()).is_empty
    assert move_with_hours(world.situation()).is_empty

    world.hours = SHOP
    world.do(move_with_hours(world.situation()))
    assert _due(world)[1:] == (CLOSING + 30 * DAY, Moved.HOURS_CHANGED)


def test_a_missed_window_without_another_has_no_date() -> None:
    """The hours were changed behind the rotation's back, say by new rules for the zone."""
    world = World.in_phase(Phase.USED)
    world.hours, world.now = None, CLOSING

    world.do(cut_due(world.situation()))

    assert _due(world) == (RotationState.OVERLAPPING, None, Moved.NEVER_OFFLINE)


def test_always_offline_keeps_the_date_there_is() -> None:
    """Any date will do."""
    world = World.in_phase(Phase.USED)
    world.hours = hours([])

    world.do(move_with_hours(world.situation()))

    assert world.latest.due_at == CLOSING


def test_a_secret_never_revealed_is_postponed_like_one_never_used() -> None:
    """Even by force; revealed, it keeps its date."""
    world = World.in_phase(Phase.WAITING)
    world.now = CLOSING
    plan = world.do(cut_due(world.situation()))

    assert _due(world) == (RotationState.SCHEDULED, CLOSING + DAY, Moved.SECRET_WAITING)
    assert plan.audit
    assert plan.audit.action == "rotation.postponed"
    world.do(reveal(world.situation(), world.situation().living[0].key_id))
    assert _due(world) == (RotationState.OVERLAPPING, CLOSING + DAY, Moved.SECRET_WAITING)


def test_a_new_date_clears_what_moved_the_old_one() -> None:
    """Reschedule asks anew, and may pin."""
    world = World.in_phase(Phase.UNUSED)
    world.now = CLOSING
    world.do(cut_due(world.situation()))

    world.do(reschedule(world.situation(), world.latest.id, at(40), pinned=True))

    assert _due(world) == (RotationState.OVERLAPPING, NOON + timedelta(hours=40), None)
    assert (world.latest.how, world.latest.pinned) == (RotationHow.AT, True)
    assert world.latest.window_ends_at is None
