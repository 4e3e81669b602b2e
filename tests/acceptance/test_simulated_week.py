"""A week of twelve shops, whose workers and beats are killed with `kill -9` again and again.

Real processes, real stores, one hurried clock: it passes in eight seconds, with clocks changed in
Europe as it begins and in the South Pacific as it ends. With WIDGET_AUTH_LONG_TESTS it takes its
time, another three follow, and all of it once more on PostgreSQL; WIDGET_AUTH_TEST_SEED makes it
another one.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.errors import StorageUnavailable
from domain.events import EventKind, OutboxEvent
from domain.ids import KeyId
from domain.operating_hours import parse_hours
from domain.rotations import Rotation, RotationState
from domain.signing_secrets import SecretState, SigningSecret
from services.rotate_secret import Generated
from storage.redis.sessions import count_by_generation
from storage.sql import projects, rotations, signing_secrets
from storage.sql.audit import AuditEntry, list_audit
from storage.sql.outbox import list_events
from tests.acceptance.hurried.clock import HurriedClock
from tests.acceptance.hurried.shops import Shop, open_shop
from tests.acceptance.hurried.system import HurriedSystem
from tests.acceptance.widget import Widget
from tests.servers.databases import USUAL_KINDS
from tests.servers.forks import Launcher
from tests.unit.wall_clocks import MINUTE, Watched, watch

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
LONG = bool(os.environ.get("WIDGET_AUTH_LONG_TESTS"))
SEED = int(os.environ.get("WIDGET_AUTH_TEST_SEED", "7"))
WEEKS, SECONDS_A_WEEK = (4, 45.0) if LONG else (1, 8.0)
SPAN = timedelta(weeks=WEEKS)
SINCE = datetime(2046, 4, 1, 0, 30, tzinfo=UTC) - timedelta(weeks=1)
PATIENCE_SECONDS = 60.0
LEAST_KILLS = 3 * WEEKS
ATTEMPTS = 3
MOST = 99_999
LOOKED_AT_BEFORE = timedelta(hours=6)  # longer than any clock is put back

# Of the keys that have ended only the latest is named; one before it is any key.
REFUSED = ("key_revoked", "signature_invalid")

VICTIMS = (
    ("maintenance-1",),
    ("maintenance-2",),
    ("maintenance-1", "maintenance-2"),
    ("beat-1",),
    ("beat-2",),
    ("beat-1", "beat-2"),
    ("revocation-1",),
    # With it go the batches in its hands, for which the gateway waits five seconds: most of a week.
    *([("verification-1",)] if LONG else ()),
)


@dataclass
class World:
    """The shops, their system, and the clock of both."""

    system: HurriedSystem
    clock: HurriedClock
    shops: list[Shop]
    dice: random.Random

    async def live(self) -> None:
        """The time has passed; all processes run, and nothing that is due is left."""
        self.clock.start()
        async with asyncio.TaskGroup() as lives:
            lives.create_task(self._kill())
            lives.create_task(self._administer())
            for shop in self.shops:
                url = self.system.socket_url(shop.id)
                lives.create_task(shop.visit(url, lambda: self.clock.is_over))
        await asyncio.to_thread(self._come_to_rest)

    async def _kill(self) -> None:
        """In another order each time, so that everybody's turn comes.

        A slow machine has its kills too, when the time has passed and work is left.
        """
        turns: list[tuple[str, ...]] = []
        while not self.clock.is_over or self.system.kills.total() < LEAST_KILLS:
            turns = turns or self.dice.sample(VICTIMS, len(VICTIMS))
            names = turns.pop()
            await asyncio.to_thread(self.system.kill, names)
            await asyncio.sleep(self.dice.uniform(0, 0.3))
            await asyncio.to_thread(self.system.bring_back, names)
            await asyncio.sleep(self.dice.uniform(0, 0.4))

    async def _administer(self) -> None:
        while not self.clock.is_over:
            for shop in self.shops:
                with suppress(StorageUnavailable):  # said to whoever clicked, who clicks again
                    await asyncio.to_thread(shop.administer, self.system.stores)

    def _come_to_rest(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while unrest := [one for shop in self.shops for one in self._unrest(shop)]:
            assert time.monotonic() < deadline, unrest
            time.sleep(0.05)

    def _unrest(self, shop: Shop) -> list[Rotation | OutboxEvent]:
        """What is due and has not happened, and what has not been carried out."""
        now, book = self.clock(), self.read(shop)
        unfinished = [
            one
            for one in book.rotations
            if one.state is RotationState.CUTTING or _is_waiting(one, until=now)
        ]
        undone = [event for event in book.told(EventKind.SECRET_REVOKED) if not event.done_at]
        return [*unfinished, *undone]

    def read(self, shop: Shop) -> "Books":
        """What SQL says of the shop."""
        with self.system.stores.database.reading() as db:
            project = projects.get_project(db, shop.id)
            hours = parse_hours(project.operating_hours)
            assert hours is not None
            return Books(
                rotations=rotations.list_rotations(db, shop.id, limit=MOST),
                secrets={one.key_id: one for one in signing_secrets.list_secrets(db, shop.id)},
                epoch=project.epoch,
                events=list_events(db, shop.id, limit=MOST),
                audit=list_audit(db, shop.id, limit=MOST),
                watched=lambda since, until: watch(hours, ZoneInfo(shop.zone), since, until),
            )


@dataclass
class Books:
    """A shop as it stands in SQL, and when it was offline by a clock on its wall."""

    rotations: list[Rotation]
    secrets: dict[KeyId, SigningSecret]
    epoch: int
    events: list[OutboxEvent]
    audit: list[AuditEntry]
    watched: Callable[[datetime, datetime], Watched]

    @property
    def cuts(self) -> list[Rotation]:
        """The rotations that took effect, but for a first secret's."""
        return [one for one in self.rotations if one.effective_at]

    def told(self, kind: EventKind) -> list[OutboxEvent]:
        """The events of that kind."""
        return [event for event in self.events if event.kind is kind]


@pytest.fixture
def world(database_url: str, launcher: Launcher, tmp_path: Path) -> Iterator[World]:
    """Twelve shops whose clock stands still."""
    dice = random.Random(SEED)  # noqa: S311 - to be repeated
    clock_file = tmp_path / "clock.json"
    clock = HurriedClock.make(clock_file, SINCE, SPAN, WEEKS * SECONDS_A_WEEK)
    with HurriedSystem(database_url, clock_file, tmp_path, launcher) as system:
        shops = [
            open_shop(system.stores, zone, random.Random(f"{SEED} {zone}"), clock)  # noqa: S311
            for zone in ZONES
        ]
        yield World(system, clock, shops, dice)


@pytest.mark.parametrize("database_url", USUAL_KINDS, indirect=True)
@pytest.mark.timeout(900)
def test_every_due_rotation_takes_effect_once_whoever_is_killed(
    world: World, measured: Callable[[str], None]
) -> None:
    """While chat is offline, with a complete receipt; no old key signs anybody in afterwards."""
    asyncio.run(world.live())

    books = [(shop, world.read(shop)) for shop in world.shops]
    measured(_figures(world, [book for _, book in books]))
    for shop, book in books:
        _check_once(book, world.clock())
        _check_offline(book)
        _check_receipts(book)
        _check_attempts(shop, book)
        _check_sessions(world, shop, book)
    asyncio.run(_check_newcomers(world))
    # Thirty or more in a usual week; on a machine so busy that it sees few hours of it, fewer.
    assert sum(len(book.cuts) for _, book in books) >= 2 * WEEKS
    assert world.system.kills.total() >= LEAST_KILLS


def _check_once(book: Books, now: datetime) -> None:
    """One cut, event and audit line for each rotation that took effect; none is overdue."""
    wanted = Counter(one.id for one in book.cuts)
    revoked = book.told(EventKind.SECRET_REVOKED)
    cut = [entry for entry in book.audit if entry.action == "rotation.cut" and entry.details]
    assert Counter(event.payload["rotation_id"] for event in revoked) == wanted
    assert Counter(entry.details["rotation_id"] for entry in cut if entry.details) == wanted
    assert all(event.done_at for event in revoked)
    assert not [one for one in book.rotations if _is_waiting(one, until=now)]
    for one in book.cuts:
        assert one.old_key_id
        old = book.secrets[one.old_key_id]
        assert (old.state, old.revoked_at) == (SecretState.REVOKED, one.effective_at)
    living = [one for one in book.secrets.values() if one.state is not SecretState.REVOKED]
    assert book.epoch == min(one.generation for one in living)


def _check_offline(book: Books) -> None:
    """By the clock on the wall: wanted as chat went offline, done while it was."""
    for one in book.cuts:
        assert one.effective_at
        assert one.due_at
        assert one.due_at <= one.effective_at
        # The last minute that is looked at is the one in which it was done, not the next.
        done = one.effective_at + timedelta.resolution
        seen = book.watched(one.due_at - LOOKED_AT_BEFORE, done)
        due = LOOKED_AT_BEFORE // MINUTE
        assert (seen.offline[due - 1], seen.offline[due]) == (False, True)
        assert seen.offline[-1]


def _check_receipts(book: Books) -> None:
    """Complete: every session closed or gone, every node asked has answered."""
    for one in book.cuts:
        assert one.state is RotationState.COMPLETED
        assert one.completed_at
        assert one.completed_at >= (one.effective_at or one.completed_at)
        assert one.sessions.targeted == one.sessions.closed + one.sessions.gone
        assert (one.nodes.asked, one.nodes.answered, one.nodes.expired) == (1, 1, ())


def _check_attempts(shop: Shop, book: Books) -> None:
    """No token sent after its key's end was accepted, none refused before, by any clock."""
    ended_at = {key_id: one.revoked_at for key_id, one in book.secrets.items()}
    for attempt in shop.attempts:
        end = ended_at[attempt.key_id]
        if attempt.code == "signed_in":
            assert end is None or attempt.sent_at <= end
        elif attempt.code in REFUSED:
            assert end is not None
            assert attempt.answered_at >= end
        else:
            assert attempt.code == "unavailable"
    for event in book.told(EventKind.VISITOR_VERIFIED):
        end = ended_at[KeyId(str(event.payload["key_id"]))]
        assert end is None or event.created_at <= end


def _check_sessions(world: World, shop: Shop, book: Books) -> None:
    """None of a dead generation is left."""
    counted = count_by_generation(world.system.stores.redis, shop.id)
    assert all(generation is None or generation >= book.epoch for generation in counted)


async def _check_newcomers(world: World) -> None:
    """The newest secret signs in; the one before the last cut is refused by name."""
    for shop in world.shops:
        states = {key_id: one.state for key_id, one in world.read(shop).secrets.items()}
        revoked = [one for one in shop.made if states[one.key_id] is SecretState.REVOKED]
        async with Widget(world.system.socket_url(shop.id)) as widget:
            assert await _answer(shop, widget, shop.made[-1]) == "signed_in"
            if revoked:
                assert await _answer(shop, widget, revoked[-1]) == "key_revoked"


async def _answer(shop: Shop, widget: Widget, made: Generated) -> str:
    """Asked again where the machine stood still for longer than an answer may take."""
    for _ in range(ATTEMPTS):
        if (code := await shop.sign_in(widget, made)) != "unavailable":
            break
    return code


def _is_waiting(rotation: Rotation, *, until: datetime) -> bool:
    pending = rotation.state in (RotationState.SCHEDULED, RotationState.OVERLAPPING)
    return pending and rotation.due_at is not None and rotation.due_at <= until


def _figures(world: World, books: list[Books]) -> str:
    cuts = [cut for book in books for cut in book.cuts]
    postponed: Counter[object] = Counter(
        event.payload["because"]
        for book in books
        for event in book.told(EventKind.ROTATION_POSTPONED)
    )
    codes = Counter(attempt.code for shop in world.shops for attempt in shop.attempts)
    closed = sum(cut.sessions.closed for cut in cuts)
    late = sorted(cut.effective_at - cut.due_at for cut in cuts if cut.effective_at and cut.due_at)
    return (
        f"{WEEKS} weeks of {SECONDS_A_WEEK:.0f} s: {sum(world.system.kills.values())} kills"
        f" {dict(world.system.kills)}; {len(cuts)} cuts, {closed} sockets closed, late by"
        f" {late[len(late) // 2]} (median); postponed {dict(postponed)}; sign-ins {dict(codes)}"
    )
