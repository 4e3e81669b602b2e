"""A year of twelve shops in as many zones: random hours, edits, clicks, runners and crashes.

Threads call the real runner on a real database whose clock is handed in. A runner that crashes is
stopped at a named step with its connection dropped. WIDGET_AUTH_LONG_TESTS makes the year finer,
WIDGET_AUTH_TEST_SEED another one.
"""

import os
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import Refused, StorageUnavailable
from domain.events import EventKind
from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.operating_hours import WEEKDAYS, OperatingHours, parse_hours
from domain.projects import Project
from domain.rotation_dates import AtTime, OffHours
from domain.rotations import Rotation, RotationHow, RotationState
from domain.signing_secrets import SecretState
from services.change_rotations import cancel, pin, reschedule, run_now
from services.projects import change_project
from services.receipts import revocation_of
from services.rotate_secret import SecretWish, generate
from services.run_due_rotations import run_due_rotations
from services.steps import Step
from services.stores import Stores
from services.transactions import Transaction, Transactor
from storage.redis.client import connect
from storage.sql import projects, rotations, signing_secrets
from storage.sql.audit import list_audit
from storage.sql.engine import Database, open_database
from storage.sql.outbox import list_events
from tests.integration.scenes import ADMINISTRATOR, SEALER, Broker, add_project, rotate
from tests.unit.wall_clocks import watch

ZONES = (
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Kolkata",
    "America/New_York",
    "Europe/London",
    "UTC",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Kathmandu",
)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
ROUNDS = 3000 if os.environ.get("WIDGET_AUTH_LONG_TESTS") else 80
SEED = int(os.environ.get("WIDGET_AUTH_TEST_SEED", "7"))
RUNNERS = 2

# Where a runner may crash: before that statement, before the commit, and right after it.
STEPS = {
    "locking": ("SELECT", "FROM projects"),
    "taking": ("SELECT rotations.id", ""),
    "secrets": ("UPDATE signing_secrets", ""),
    "rotation": ("UPDATE rotations", ""),
    "epoch": ("UPDATE projects", ""),
    "event": ("INSERT INTO outbox", ""),
    "audit": ("INSERT INTO audit_log", ""),
    "commit": None,
    "committed": None,
}


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Crashes:
    """Stops the thread that is to crash at its step; counts by step how often that happened."""

    happened: Counter[str] = field(default_factory=Counter)
    _mine: threading.local = field(default_factory=threading.local)

    def attach(self, database: Database) -> None:
        """The steps of this database's writer are watched."""
        sa.event.listen(database.writer, "before_cursor_execute", self._before_statement)
        sa.event.listen(database.writer, "commit", lambda db: self._reach("commit", db))

    def crashing(self, step: str | None, work: Callable[[], object]) -> None:
        """The work was done, or stopped at the step."""
        self._mine.step = step
        try:
            work()
        except (Crash, StorageUnavailable):
            assert self._mine.step is None, "only a crash takes the database away"
        finally:
            self._mine.step = None

    def reached(self, step: Step) -> None:
        """What services tell of."""
        if step is Step.COMMITTED:
            self._reach("committed", None)

    def _before_statement(self, db: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        wanted = STEPS.get(getattr(self._mine, "step", None) or "")
        if wanted and statement.startswith(wanted[0]) and wanted[1] in statement:
            self._reach(self._mine.step, db)

    def _reach(self, step: str, db: Connection | None) -> None:
        if getattr(self._mine, "step", None) != step:
            return
        self._mine.step = None
        self.happened[step] += 1
        if db is not None:
            db.invalidate()
        raise Crash


class World:
    """The shops, and what time it is."""

    def __init__(self, url: str, redis_url: str) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - a made-up year
        self.now = SINCE
        self.crashes = Crashes()
        self.database = open_database(url, lambda: self.now)
        self.crashes.attach(self.database)
        self.broker = Broker()
        transactor = Transactor(self.database, self.broker, self.crashes.reached)
        self.stores = Stores(transactor, connect(redis_url), SEALER)
        self.shops = [self._open_shop(zone) for zone in ZONES]
        self.hours: dict[ProjectId, list[tuple[OperatingHours | None, ZoneInfo]]] = {}
        self.seen_cut: dict[str, datetime] = {}
        self.clicks: Counter[str] = Counter()

    def round(self) -> None:
        """Time has passed; clicks and sweeps met each other; every cut of it was right."""
        self.now = self._next_moment()
        before = self._hours_in_force()
        shop, steps = self.random.choice(self.shops), [*STEPS, None, None, None]
        crashes = [self.random.choice(steps) for _ in range(RUNNERS)]
        clicks = [self._click(shop), self._click(self.random.choice(self.shops))]
        with ThreadPoolExecutor(RUNNERS + len(clicks)) as pool:
            work = [pool.submit(click) for click in clicks]
            work += [pool.submit(self._sweep, crash) for crash in crashes]
            for done in work:
                done.result()
        self._sweep(None)  # the next tick, a sweep later at most
        after = self._hours_in_force()
        for one in self.shops:
            self._check_cuts(one, [before[one], after[one]])

    def _sweep(self, crash: str | None) -> None:
        self.crashes.crashing(crash, lambda: run_due_rotations(self.stores))

    def _next_moment(self) -> datetime:
        """A while later; mostly just before or after something is due, sometimes far too late."""
        step = YEAR / ROUNDS * self.random.uniform(0.2, 1.8)
        coming = [one.due_at for one in self._pending() if one.due_at and one.due_at > self.now]
        near = [moment for moment in coming if moment < self.now + 2 * step]
        if near and self.random.random() < 0.8:
            slip = self.random.choice([-0.001, 0, 0.001, 3, 600, 20_000, 90_000])
            return max(self.random.choice(near) + timedelta(seconds=slip), self.now)
        return self.now + step

    def _pending(self) -> list[Rotation]:
        with self.database.reading() as db:
            return [one for shop in self.shops for one in rotations.list_pending(db, shop)]

    def _hours_in_force(self) -> dict[ProjectId, tuple[OperatingHours | None, ZoneInfo]]:
        with self.database.reading() as db:
            found = [projects.get_project(db, shop) for shop in self.shops]
        return {one.id: _hours_of(one) for one in found}

    def _open_shop(self, zone: str) -> ProjectId:
        shop = add_project(self.stores.transactor)
        changes = {"time_zone": zone, "operating_hours": self._some_hours()}
        change_project(self.stores, shop, changes, ADMINISTRATOR)  # type: ignore[arg-type]
        rotate(self.stores.transactor, shop)
        return shop

    def _some_hours(self) -> JsonObject:
        """Any intervals, many near the hours in which clocks change, and exceptions this year."""
        days = [(self.now + timedelta(days=self.random.randint(0, 60))).date() for _ in "123"]
        return {
            "weekly": {day: self._some_day() for day in WEEKDAYS},
            "exceptions": [
                {"date": day.isoformat(), "open": self._some_day()} for day in sorted({*days})
            ],
        }

    def _some_day(self) -> Any:
        minutes = [0, 60, 90, 120, 150, 180, 210, *self.random.sample(range(1440), 6)]
        bounds = sorted(set(self.random.sample(minutes, 4)))
        texts = [f"{minute // 60:02}:{minute % 60:02}" for minute in bounds]
        if len(texts) == 4 and self.random.random() < 0.3:
            return [[texts[0], texts[1]], [texts[3], texts[0]]][: self.random.randint(1, 2)]
        return [list(pair) for pair in zip(texts[::2], texts[1::2], strict=False)]

    def _click(self, shop: ProjectId) -> Callable[[], None]:
        """What somebody does to that shop meanwhile."""
        name = self.random.choice(
            ["plan"] * 10 + ["use"] * 6 + ["hours"] * 3 + ["zone", "cancel", "date", "run", "pin"]
        )
        wish = SecretWish(
            when=self.random.choice([OffHours(), OffHours(60), AtTime(self.now + YEAR / 50)]),
            force=self.random.random() < 0.2,
            pinned=self.random.random() < 0.2,
        )
        hours, zone = self._some_hours(), self.random.choice(ZONES)

        def click() -> None:
            try:
                self._do(name, shop, wish, hours, zone)
            except Refused as refusal:
                self.clicks[refusal.code] += 1
            else:
                self.clicks[name] += 1

        return click

    def _do(
        self, name: str, shop: ProjectId, wish: SecretWish, hours: JsonObject, zone: str
    ) -> None:
        run, who = self.stores.transactor.run, ADMINISTRATOR
        match name:
            case "plan":
                run(lambda t: generate(t, SEALER, shop, who, wish))
            case "use":
                self._use_all()
            case "hours":
                change_project(self.stores, shop, {"operating_hours": hours}, who)
            case "zone":
                change_project(self.stores, shop, {"time_zone": zone}, who)
            case _:
                self._do_to_latest(name, shop)

    def _do_to_latest(self, name: str, shop: ProjectId) -> None:
        with self.database.reading() as db:
            latest = rotations.list_rotations(db, shop, limit=1)
        if not latest:
            return
        [one] = latest
        changes: dict[str, Callable[[Transaction], Rotation]] = {
            "cancel": lambda t: cancel(t, shop, one.id, ADMINISTRATOR),
            "date": lambda t: reschedule(t, shop, one.id, ADMINISTRATOR, OffHours()),
            "run": lambda t: run_now(t, shop, one.id, ADMINISTRATOR),
            "pin": lambda t: pin(t, shop, one.id, ADMINISTRATOR, pinned=not one.pinned),
        }
        self.stores.transactor.run(changes[name])

    def _use_all(self) -> None:
        """Every site signs with its newest secret by now."""
        for shop in self.shops:
            with self.database.reading() as db:
                newest = signing_secrets.list_secrets(db, shop)[0]
            keys = [newest.key_id]
            self.database.write(
                lambda db, keys=keys: signing_secrets.note_verified(db, keys, self.now)
            )

    def _check_cuts(
        self, shop: ProjectId, in_force: list[tuple[OperatingHours | None, ZoneInfo]]
    ) -> None:
        """Each new cut of the runner was wanted by then, and came while chat was offline."""
        with self.database.reading() as db:
            found = rotations.list_rotations(db, shop, limit=99)
            ran = _ran_by_runner(db, shop)
        for one in found:
            if one.effective_at is None or one.id in self.seen_cut:
                continue
            self.seen_cut[one.id] = one.effective_at
            if one.id not in ran:
                continue
            assert one.due_at is not None
            assert one.due_at <= one.effective_at == self.now
            if one.how == RotationHow.OFF_HOURS and not one.pinned:
                assert any(_is_offline(*hours, one.effective_at) for hours in in_force)


def _hours_of(project: Project) -> tuple[OperatingHours | None, ZoneInfo]:
    return parse_hours(project.operating_hours), ZoneInfo(project.time_zone)


def _is_offline(hours: OperatingHours | None, zone: ZoneInfo, moment: datetime) -> bool:
    """By a clock on the wall that was watched from the day before yesterday on."""
    minute = moment.replace(second=0, microsecond=0)
    if hours is None:
        return False
    seen = watch(hours, zone, minute - timedelta(days=2), minute + timedelta(minutes=1))
    return seen.offline[-1]


def _ran_by_runner(db: Connection, shop: ProjectId) -> set[str]:
    entries = list_audit(db, shop, limit=999)
    return {
        str(entry.details["rotation_id"])
        for entry in entries
        if entry.action == "rotation.cut" and entry.details
    }


@pytest.fixture
def world(database_url: str, redis_url: str) -> Iterator[World]:
    """New Year."""
    world = World(database_url, redis_url)
    yield world
    world.stores.close()


@pytest.mark.timeout(3600)
def test_every_due_rotation_takes_effect_once_while_chat_is_offline(
    world: World, measured: Callable[[str], None]
) -> None:
    """Whatever clicks, clocks and crashes do to it for a year."""
    for _ in range(ROUNDS):
        world.round()

    cut_by_runner = 0
    for shop in world.shops:
        with world.database.reading() as db:
            secrets = signing_secrets.list_secrets(db, shop)
            all_rotations = rotations.list_rotations(db, shop, limit=999)
            epoch = projects.get_project(db, shop).epoch
            events = list_events(db, shop, limit=9999)
            cuts = [one for one in all_rotations if one.effective_at]
            revocations = {one.id: revocation_of(db, one) for one in cuts}
            cut_by_runner += len(_ran_by_runner(db, shop))
        revoked = Counter(
            event.payload["rotation_id"]
            for event in events
            if event.kind is EventKind.SECRET_REVOKED
        )
        assert revoked == Counter(one.id for one in cuts)
        assert all(one.state is RotationState.CUTTING for one in cuts)
        _check_secrets(secrets, cuts, epoch)
        assert all(one.since < one.epoch <= epoch for one in revocations.values())
        assert _overdue(all_rotations, world.now) == []
    measured(f"{len(world.seen_cut)} cuts, {cut_by_runner} of them by the runner")
    measured(f"crashes: {dict(world.crashes.happened)}; clicks: {dict(world.clicks)}")
    assert cut_by_runner > ROUNDS / 20
    assert world.crashes.happened


def _check_secrets(secrets: list[Any], cuts: list[Rotation], epoch: int) -> None:
    """No old key is accepted after its cut; nothing living lies below the epoch."""
    by_key = {one.key_id: one for one in secrets}
    for cut in cuts:
        assert cut.old_key_id is not None
        old = by_key[cut.old_key_id]
        assert (old.state, old.revoked_at) == (SecretState.REVOKED, cut.effective_at)
    states = Counter(one.state for one in secrets)
    assert states[SecretState.ACTIVE] == 1
    assert states[SecretState.RETIRING] <= 1
    living: dict[int, SecretState] = defaultdict(lambda: SecretState.REVOKED)
    living |= {one.generation: one.state for one in secrets}
    lowest = min(one.generation for one in secrets if one.state is not SecretState.REVOKED)
    assert epoch == lowest


def _overdue(found: list[Rotation], now: datetime) -> list[Rotation]:
    waiting = (RotationState.SCHEDULED, RotationState.OVERLAPPING)
    return [one for one in found if one.state in waiting and one.due_at and one.due_at <= now]
