"""The runner, with the clock handed in: cut in time, guarded, never while chat is open."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from domain.events import EventKind
from domain.ids import ProjectId
from domain.rotation_dates import AtTime, OffHours, When
from domain.rotations import Moved, Rotation, RotationState
from domain.signing_secrets import SecretState
from domain.times import from_wire
from services.change_rotations import cancel, reveal
from services.projects import change_project
from services.receipts import revocation_of
from services.rotate_secret import Generated, SecretWish, generate
from services.run_due_rotations import run_due_rotations
from services.stores import Stores
from storage.redis.client import connect
from storage.sql import projects, rotations, signing_secrets
from storage.sql.engine import Database, open_database
from storage.sql.outbox import list_events
from storage.sql.tables import projects as projects_table
from tests.integration.scenes import (
    ADMINISTRATOR,
    SEALER,
    Broker,
    add_project,
    open_transactor,
    rotate,
)
from tests.integration.waiting_secrets import schedule_rotation

AFTERNOON = from_wire("2026-06-01T15:00:00Z")  # a Monday
EVENING = from_wire("2026-06-01T18:00:00Z")
MORNING = from_wire("2026-06-02T08:00:00Z")
DAY = timedelta(days=1)
OFFICE = {"weekly": {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}


@dataclass
class Night:
    """A project that is open by day, on a Monday afternoon; the clock is moved by hand."""

    database: Database
    stores: Stores
    broker: Broker
    now: datetime = AFTERNOON
    project_id: ProjectId = field(init=False)

    def plan(self, when: When | None = None, **wish: object) -> Generated:
        """A new secret; the one before it is retiring until the evening."""
        wished = SecretWish(**{"when": when or OffHours(), **wish})  # type: ignore[arg-type]
        return self.stores.transactor.run(
            lambda t: generate(t, SEALER, self.project_id, ADMINISTRATOR, wished), urgent=True
        )

    def use(self, generated: Generated) -> None:
        """The site signs with the new secret."""
        self.database.write(
            lambda db: signing_secrets.note_verified(db, [generated.key_id], self.now)
        )

    def run_at(self, moment: datetime) -> Rotation:
        """The latest rotation after a sweep at that time."""
        self.now = moment
        run_due_rotations(self.stores)
        return self.latest

    @property
    def latest(self) -> Rotation:
        """The latest rotation."""
        with self.database.reading() as db:
            [rotation] = rotations.list_rotations(db, self.project_id, limit=1)
        return rotation

    @property
    def states(self) -> list[SecretState]:
        """The secrets, newest first."""
        with self.database.reading() as db:
            return [one.state for one in signing_secrets.list_secrets(db, self.project_id)]

    @property
    def troubled(self) -> list[Rotation]:
        """What somebody should look at."""
        with self.database.reading() as db:
            return rotations.list_troubled(db, self.now - timedelta(minutes=1), limit=9)

    @property
    def told(self) -> list[EventKind]:
        """What the outbox says, oldest first."""
        with self.database.reading() as db:
            return [event.kind for event in list_events(db, self.project_id, limit=99)]


@pytest.fixture
def night(database_url: str, redis_url: str) -> Iterator[Night]:
    """A Monday afternoon."""
    clock: list[Night] = []
    database = open_database(database_url, lambda: clock[0].now)
    transactor, broker = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    scene = Night(database, stores, broker)
    clock.append(scene)
    scene.project_id = add_project(transactor)
    change_project(stores, scene.project_id, {"operating_hours": OFFICE}, ADMINISTRATOR)
    rotate(transactor, scene.project_id)
    yield scene
    stores.close()


def test_cut_comes_with_the_evening(night: Night) -> None:
    """Not a moment before; then once, in one commit, and its event is sent at once."""
    night.use(night.plan())
    assert night.latest.due_at == EVENING

    early = night.run_at(EVENING - timedelta(milliseconds=1))
    assert (early.state, night.states[1]) == (RotationState.OVERLAPPING, SecretState.RETIRING)
    cut = night.run_at(EVENING + timedelta(seconds=3))

    assert (cut.state, night.states[1]) == (RotationState.CUTTING, SecretState.REVOKED)
    assert (cut.due_at, cut.effective_at) == (EVENING, EVENING + timedelta(seconds=3))
    with night.database.reading() as db:
        assert projects.get_project(db, night.project_id).epoch == 2
        revocation = revocation_of(db, cut)
    assert (revocation.since, revocation.epoch) == (1, 2)
    [(kind, payload)] = night.broker.sent
    assert (kind, payload["rotation_id"]) == (EventKind.SECRET_REVOKED, cut.id)
    assert night.run_at(EVENING + DAY) == cut


def test_late_in_the_window_is_in_time(night: Night) -> None:
    """Whoever slept until the last minute of the night cuts then."""
    night.use(night.plan())

    cut = night.run_at(MORNING - timedelta(minutes=1))

    assert (cut.state, cut.moved_because) == (RotationState.CUTTING, None)


def test_missed_window_waits_for_the_next(night: Night) -> None:
    """With chat open nothing is cut; there is an event and a new date."""
    night.use(night.plan())

    postponed = night.run_at(MORNING)

    assert (postponed.state, night.states[1]) == (RotationState.OVERLAPPING, SecretState.RETIRING)
    assert (postponed.due_at, postponed.moved_because) == (EVENING + DAY, Moved.WINDOW_MISSED)
    assert night.told[-1] is EventKind.ROTATION_POSTPONED
    assert night.run_at(EVENING + DAY).state is RotationState.CUTTING


def test_time_that_was_given_is_kept_late_as_well(night: Night) -> None:
    """As soon as possible, whatever the hours."""
    night.use(night.plan(AtTime(EVENING)))

    cut = night.run_at(MORNING + timedelta(hours=2))

    assert (cut.state, cut.effective_at) == (RotationState.CUTTING, MORNING + timedelta(hours=2))


def test_unused_secret_locks_nobody_out(night: Night) -> None:
    """Postponed night by night until the new secret is used; it is told since when."""
    generated = night.plan()

    for days in range(3):
        postponed = night.run_at(EVENING + days * DAY)
        assert postponed.due_at == EVENING + (days + 1) * DAY
        assert postponed.moved_because is Moved.NEW_SECRET_UNUSED
        assert postponed.moved_at == EVENING
        assert night.states[1] is SecretState.RETIRING
    assert night.troubled == [night.latest]
    night.use(generated)

    assert night.troubled == []
    assert night.run_at(EVENING + 3 * DAY).state is RotationState.CUTTING
    assert night.told.count(EventKind.ROTATION_POSTPONED) == 3


def test_force_asks_nothing(night: Night) -> None:
    """A forced plan is cut although nobody has used the new secret."""
    night.plan(force=True)

    assert night.run_at(EVENING).state is RotationState.CUTTING


def test_waiting_secret_is_not_cut(night: Night) -> None:
    """Nobody has seen it; revealed, it takes over and the next night is its."""
    night.stores.transactor.run(
        lambda t: schedule_rotation(t, SEALER, night.project_id, ADMINISTRATOR, OffHours())
    )
    postponed = night.run_at(EVENING)
    assert (postponed.state, postponed.moved_because) == (
        RotationState.SCHEDULED,
        Moved.SECRET_WAITING,
    )
    assert night.troubled == [postponed]

    revealed = night.stores.transactor.run(
        lambda t: reveal(t, SEALER, night.project_id, postponed.new_key_id, ADMINISTRATOR)
    )
    assert night.troubled == []
    night.use(revealed)

    assert len(revealed.secret) == 64
    assert night.states == [SecretState.ACTIVE, SecretState.RETIRING]
    assert night.run_at(EVENING + DAY).state is RotationState.CUTTING


def test_cancelled_one_is_never_cut(night: Night) -> None:
    """It has no date."""
    rotation = night.plan().rotation
    assert rotation is not None
    night.stores.transactor.run(lambda t: cancel(t, night.project_id, rotation.id, ADMINISTRATOR))

    assert night.run_at(EVENING + 30 * DAY).state is RotationState.CANCELLED
    assert night.states[1] is SecretState.RETIRING


def test_any_number_of_runners_cut_once(night: Night) -> None:
    """Whoever comes second finds nothing due."""
    night.use(night.plan())
    night.now = EVENING

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(lambda _: run_due_rotations(night.stores), range(16)))

    assert taken == 1
    assert len(night.broker.sent) == 1
    assert night.told.count(EventKind.SECRET_REVOKED) == 1


def test_one_projects_fault_delays_no_other(night: Night) -> None:
    """A project whose zone is gone is logged and left; the others are cut."""
    night.use(night.plan())
    broken = night.project_id
    night.project_id = add_project(night.stores.transactor)
    rotate(night.stores.transactor, night.project_id)
    night.use(night.plan(AtTime(EVENING)))
    night.database.write(
        lambda db: db.execute(
            projects_table.update()
            .where(projects_table.c.id == broken)
            .values(time_zone="Mars/Olympus")
        )
    )

    assert night.run_at(EVENING).state is RotationState.CUTTING
    with night.database.reading() as db:
        [left] = rotations.list_pending(db, broken)
        assert db.scalar(sa.text("SELECT count(*) FROM rotations")) == 2
    assert left.due_at == EVENING
