"""What cannot be carried out is parked after a while; what only waits for a store never is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.alarms import AlarmKind
from domain.errors import StorageUnavailable
from domain.events import EventKind, OutboxEvent
from domain.ids import EventId, ProjectId
from domain.json_values import JsonObject
from services.alarms import read_alarms
from services.parking import (
    FAILING_FOR,
    FAILURES,
    EventNotFound,
    EventWithoutWork,
    ParkedMessageNotFound,
    dismiss_messages,
    erase_parked_messages,
    replay_event,
)
from services.poison_notes import PoisonNotes
from services.relay_outbox import relay_outbox
from services.stores import Stores
from storage.redis.client import connect
from storage.sql import audit, outbox, parking
from storage.sql.engine import open_database
from tests.integration.scenes import (
    ADMINISTRATOR,
    SEALER,
    Broker,
    add_project,
    announce_hopeless,
    open_transactor,
    rotate,
)

AWAY = "redis://127.0.0.1:1/0"


class Clock:
    """Tells whatever time it is set to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def go_on(self, seconds: float) -> None:
        """So many seconds pass."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Scene:
    """A project with an event that nobody can carry out, and a clock."""

    stores: Stores
    broker: Broker
    clock: Clock
    project_id: ProjectId
    event_id: EventId

    def relay(self, times: int, seconds: float = 5) -> None:
        """So many sweeps pass."""
        for _ in range(times):
            self.clock.go_on(seconds)
            relay_outbox(self.stores)

    @property
    def event(self) -> OutboxEvent:
        """The event as it is now."""
        with self.stores.database.reading() as db:
            found = outbox.find_event(db, self.event_id)
        assert found
        return found

    def actions(self) -> list[str]:
        """What the audit log says was done."""
        with self.stores.database.reading() as db:
            entries = audit.list_audit(db, self.project_id, limit=50)
        return [entry.action for entry in entries]


@pytest.fixture
def scene(database_url: str, redis_url: str) -> Iterator[Scene]:
    """A revocation whose rotation SQL does not know."""
    clock = Clock()
    database = open_database(database_url, clock)
    transactor, broker = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    project_id = add_project(transactor)
    announce_hopeless(transactor, project_id)
    event_id = EventId(str(broker.sent[-1][1]["event_id"]))
    yield Scene(stores, broker, clock, project_id, event_id)
    stores.close()


def test_an_event_that_fails_often_and_for_long_is_parked(scene: Scene) -> None:
    """It is repeated until then, and afterwards no more; an alarm and the audit log say so."""
    scene.relay(FAILURES + 5)
    assert scene.event.parked_at is None, "often, but not for long"

    scene.clock.go_on(FAILING_FOR.total_seconds())
    scene.relay(1)

    assert scene.event.parked_at == scene.clock.now
    assert scene.event.parked_because == "RotationNotFound"
    assert scene.actions() == ["event.parked"]
    [alarm] = read_alarms(scene.stores, scene.project_id)
    assert (alarm.kind, alarm.reference) == (AlarmKind.EVENT_PARKED, scene.event_id)
    attempts = scene.event.attempts
    scene.relay(5)
    assert scene.event.attempts == attempts


def test_failing_for_long_but_seldom_parks_nothing(scene: Scene) -> None:
    """A worker that comes back after an hour and fails once has not tried hard."""
    scene.relay(2)
    scene.clock.go_on(3600)
    scene.relay(2)
    assert scene.event.parked_at is None


def test_a_store_that_is_away_parks_nothing(scene: Scene) -> None:
    """A revocation is repeated for as long as Redis is away."""
    rotate(scene.stores.transactor, scene.project_id)
    rotate(scene.stores.transactor, scene.project_id)
    event_id = EventId(str(scene.broker.sent[-1][1]["event_id"]))
    cut_off = Stores(scene.stores.transactor, connect(AWAY), SEALER)
    for _ in range(FAILURES + 1):
        scene.clock.go_on(FAILING_FOR.total_seconds() / 10)
        with pytest.raises(StorageUnavailable):
            relay_outbox(cut_off)
    scene.relay(2)  # the first finds that Redis does not know the project, and publishes it
    with scene.stores.database.reading() as db:
        done = outbox.find_event(db, event_id)
    assert done
    assert done.done_at
    assert done.parked_at is None


def test_a_parked_event_is_taken_up_again(scene: Scene) -> None:
    """Replayed, it is sent at once and repeated as if it had never failed."""
    scene.relay(FAILURES)
    scene.clock.go_on(FAILING_FOR.total_seconds())
    scene.relay(1)
    sent = len(scene.broker.sent)

    replay_event(scene.stores, scene.event_id, ADMINISTRATOR)

    assert len(scene.broker.sent) == sent + 1
    assert scene.event.parked_at is None
    assert "event.replayed" in scene.actions()
    assert read_alarms(scene.stores, scene.project_id) == []
    attempts = scene.event.attempts
    scene.relay(1)
    assert scene.event.attempts == attempts + 1
    assert scene.event.parked_at is None


def test_an_event_that_is_done_is_carried_out_once_more(scene: Scene) -> None:
    """Also where the broker is away: it waits in the outbox, as one that was never done."""
    rotate(scene.stores.transactor, scene.project_id)
    rotate(scene.stores.transactor, scene.project_id)
    event_id = EventId(str(scene.broker.sent[-1][1]["event_id"]))
    scene.relay(3)
    first = done_at(scene, event_id)
    assert first
    scene.broker.is_down = True

    replay_event(scene.stores, event_id, ADMINISTRATOR)

    assert done_at(scene, event_id) is None
    scene.relay(1)
    again = done_at(scene, event_id)
    assert again
    assert again > first


def done_at(scene: Scene, event_id: EventId) -> datetime | None:
    """When the event was carried out."""
    with scene.stores.database.reading() as db:
        found = outbox.find_event(db, event_id)
    assert found
    return found.done_at


def test_a_sign_out_on_a_socket_cannot_be_replayed(scene: Scene) -> None:
    """It was done by being written; who was signed out everywhere is signed out once more."""
    transactor = scene.stores.transactor
    who: JsonObject = {"visitor_id": transactor.run(lambda t: t.new_id())}
    kind = EventKind.VISITOR_SIGNED_OUT
    transactor.run(lambda t: t.note_facts([(kind, scene.project_id, who)]))
    scene.clock.go_on(1)
    transactor.run(lambda t: t.announce(kind, scene.project_id, {**who, "person_epoch": 1}))
    with scene.stores.database.reading() as db:
        events = outbox.list_events(db, scene.project_id, limit=10)
    own, everywhere = [event for event in events if event.kind is kind]
    sent = len(scene.broker.sent)

    with pytest.raises(EventWithoutWork):
        replay_event(scene.stores, own.event_id, ADMINISTRATOR)
    assert len(scene.broker.sent) == sent
    replay_event(scene.stores, everywhere.event_id, ADMINISTRATOR)
    assert len(scene.broker.sent) == sent + 1


def test_what_cannot_be_replayed_is_refused(scene: Scene) -> None:
    """There is no such event, or it was done by being written."""
    transactor = scene.stores.transactor
    transactor.run(lambda t: t.note_facts([(EventKind.VISITOR_VERIFIED, scene.project_id, {})]))
    with scene.stores.database.reading() as db:
        events = outbox.list_events(db, scene.project_id, limit=10)
    fact = next(e for e in events if e.kind is EventKind.VISITOR_VERIFIED)
    with pytest.raises(EventWithoutWork):
        replay_event(scene.stores, fact.event_id, ADMINISTRATOR)
    with pytest.raises(EventNotFound):
        replay_event(scene.stores, EventId("nothing"), ADMINISTRATOR)


def test_a_flood_of_poison_fills_nothing(scene: Scene) -> None:
    """Of each kind a hundred are kept at most; the others are counted, and one alarm says so."""
    for _ in range(105):
        notes = PoisonNotes(scene.stores.transactor)  # another worker each
        notes.note("tokens.revoke", "event_unconfirmed")
        notes.note("unknown", "task_unknown")
    for _ in range(1000):
        notes.note("unknown", "task_unknown")
    notes.flush()

    with scene.stores.database.reading() as db:
        kept = parking.list_parked_messages(db, 1000)
        times = {kind.task: kind.times for kind in parking.list_parked_kinds(db)}
    assert len(kept) == 200
    assert times == {"tokens.revoke": 105, "unknown": 1105}
    alarms = [a for a in read_alarms(scene.stores) if a.kind is AlarmKind.MESSAGE_PARKED]
    assert len(alarms) == 2


def test_a_dismissed_message_alarms_nobody(scene: Scene) -> None:
    """It is listed no longer; after a month none is."""
    notes = PoisonNotes(scene.stores.transactor)
    notes.note("tokens.revoke", "event_unconfirmed", scene.event_id)
    notes.note("unknown", "task_unknown")
    with scene.stores.database.reading() as db:
        found = parking.list_parked_messages(db, 10)
    confirmed = next(m for m in found if m.reference == scene.event_id)

    dismiss_messages(scene.stores, confirmed.id, ADMINISTRATOR)

    with pytest.raises(ParkedMessageNotFound):
        dismiss_messages(scene.stores, confirmed.id, ADMINISTRATOR)
    assert erase_parked_messages(scene.stores) == 0
    scene.clock.go_on(timedelta(days=31).total_seconds())
    assert erase_parked_messages(scene.stores) == 1
    kinds = [a.kind for a in read_alarms(scene.stores)]
    assert AlarmKind.MESSAGE_PARKED not in kinds
