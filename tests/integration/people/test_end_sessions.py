"""From a committed sign-out to Redis and the nodes: refused there, told, repeated, never forged."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from domain.events import EventKind
from domain.ids import DeviceId, EventId, NodeId, ProjectId, SessionId, VisitorId
from services.confirmed_events import EventUnconfirmed
from services.end_sessions import end_sessions
from services.publish_cards import publish_card
from services.relay_outbox import relay_outbox
from services.stores import Stores
from storage.redis import keys, persons
from storage.redis.buckets import Bucket
from storage.redis.client import connect, connect_async
from storage.redis.persons import MERGE_UNDONE, SIGNED_OUT, EndedSessions
from storage.redis.session_writer import BindResult, BindStatus, RegisterResult, SessionWriter
from storage.sql import outbox
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import SEALER

NODE = NodeId("node-a")


@dataclass
class Scene:
    """A person who was signed out in SQL; Redis does not know yet."""

    site: PeopleSite
    stores: Stores
    redis_url: str
    visitor_id: VisitorId

    @property
    def project_id(self) -> ProjectId:
        """The person's."""
        return self.site.project_id

    def told(self) -> tuple[EventId, ProjectId, VisitorId]:
        """What the last message said."""
        kind, payload = self.site.broker.sent[-1]
        assert kind in {EventKind.VISITOR_SIGNED_OUT, EventKind.MERGE_UNDONE}
        return payload["event_id"], payload["project_id"], payload["visitor_id"]

    def bind(self, person_epoch: int) -> BindResult:
        """What a node gets that binds a session of the person's."""
        return asyncio.run(_bind(self.redis_url, self.project_id, self.visitor_id, person_epoch))

    def ended(self) -> dict[VisitorId, EndedSessions]:
        """What nodes read of the person."""
        return asyncio.run(_read(self.redis_url, self.project_id, self.visitor_id))

    def is_done(self) -> bool:
        """Whether nothing is left to be carried out."""
        with self.stores.database.reading() as db:
            return not outbox.list_undone_of(db, [self.project_id])


async def _bind(url: str, project: ProjectId, visitor: VisitorId, epoch: int) -> BindResult:
    client = connect_async(url)
    session = SessionId(str(uuid.uuid4()))
    writer = SessionWriter(client, NODE)
    try:
        return await writer.bind(
            project, session, visitor, 1, None, Bucket(1, NODE, 0), None, epoch
        )
    finally:
        await client.aclose()


async def _read(url: str, project: ProjectId, visitor: VisitorId) -> dict[VisitorId, EndedSessions]:
    client = connect_async(url)
    try:
        return await persons.read_persons(client, project, [visitor])
    finally:
        await client.aclose()


async def _register(url: str, project: ProjectId, device: DeviceId) -> RegisterResult:
    client = connect_async(url)
    session, visitor = SessionId(str(uuid.uuid4())), VisitorId(str(uuid.uuid4()))
    try:
        return await SessionWriter(client, NODE).register(
            project, session, visitor, device, Bucket(None, NODE, 0)
        )
    finally:
        await client.aclose()


@pytest.fixture
def scene(site: PeopleSite, redis_url: str) -> Iterator[Scene]:
    """A person with one session, signed out everywhere by SQL alone."""
    stores = Stores(site.transactor, connect(redis_url), SEALER)
    publish_card(stores, site.project_id)
    ada = site.sign_in(site.socket(), "ada").visitor_id
    site.sign_in(site.socket(), "ada")
    yield Scene(site, stores, redis_url, ada)
    stores.redis.close()


def test_redis_refuses_the_sessions_of_before(scene: Scene) -> None:
    """A bind that comes after it is told why; one of a later verification is bound."""
    assert scene.bind(0).status is BindStatus.BOUND
    scene.site.sign_out_everywhere(scene.visitor_id)

    end_sessions(scene.stores, *scene.told())

    assert scene.bind(0) == BindResult(BindStatus.PERSON_BEHIND, 1, SIGNED_OUT)
    assert scene.bind(1).status is BindStatus.BOUND
    assert scene.is_done()


def test_a_second_time_changes_nothing(scene: Scene) -> None:
    """Nor does an older event that comes after a newer one."""
    scene.site.sign_out_everywhere(scene.visitor_id)
    first = scene.told()
    scene.site.undo(scene.site.merges(scene.visitor_id)[0].id)
    end_sessions(scene.stores, *scene.told())
    end_sessions(scene.stores, *scene.told())
    end_sessions(scene.stores, *first)

    assert scene.ended()[scene.visitor_id] == EndedSessions(2, MERGE_UNDONE)
    assert scene.bind(2).status is BindStatus.BOUND


def test_a_forged_event_changes_nothing(scene: Scene) -> None:
    """What SQL does not confirm is not believed."""
    scene.site.sign_out_everywhere(scene.visitor_id)
    event_id, project_id, visitor_id = scene.told()
    other = scene.site.sign_in(scene.site.socket(), "bob").visitor_id
    for forged in (
        (EventId(str(uuid.uuid4())), project_id, visitor_id),
        (event_id, ProjectId(str(uuid.uuid4())), visitor_id),
        (event_id, project_id, other),
    ):
        with pytest.raises(EventUnconfirmed):
            end_sessions(scene.stores, *forged)
    assert scene.ended() == {}


def test_a_lost_redis_never_forgets_a_sign_out(scene: Scene) -> None:
    """Where a card stands, everybody's epoch stands: it is published before the card."""
    scene.site.sign_out_everywhere(scene.visitor_id)
    end_sessions(scene.stores, *scene.told())
    scene.stores.redis.flushall()
    assert scene.bind(0).status is BindStatus.CARD_MISSING

    publish_card(scene.stores, scene.project_id)

    assert scene.bind(0) == BindResult(BindStatus.PERSON_BEHIND, 1, SIGNED_OUT)


def test_without_a_card_one_is_published(scene: Scene) -> None:
    """So that nodes that compare see that there is something new."""
    scene.stores.redis.flushall()
    scene.site.sign_out_everywhere(scene.visitor_id)
    end_sessions(scene.stores, *scene.told())
    assert scene.bind(0).status is BindStatus.PERSON_BEHIND
    assert scene.stores.redis.hget(keys.card(scene.project_id), "persons")


def test_devices_that_ended_are_known_to_hellos(scene: Scene) -> None:
    """Whoever says hello with one gets another."""
    socket = scene.site.socket()
    scene.site.sign_in(socket, "ada")
    asked = (scene.redis_url, scene.project_id, socket.device)
    assert asyncio.run(_register(*asked)) is RegisterResult.REGISTERED
    scene.site.sign_out_everywhere(scene.visitor_id)
    end_sessions(scene.stores, *scene.told())
    assert asyncio.run(_register(*asked)) is RegisterResult.DEVICE_ENDED


def test_what_no_worker_did_the_relay_does(scene: Scene) -> None:
    """A broker that was away only delays a sign-out."""
    scene.site.broker.is_down = True
    scene.site.sign_out_everywhere(scene.visitor_id)
    scene.site.broker.is_down = False
    _make_late(scene)

    relay_outbox(scene.stores)

    assert scene.bind(0).status is BindStatus.PERSON_BEHIND
    assert scene.is_done()


def _make_late(scene: Scene) -> None:
    statement = "UPDATE outbox SET created_at = :t, next_attempt_at = :t WHERE done_at IS NULL"
    moment = "2026-01-01T00:00:00.000000Z"
    scene.stores.database.write(lambda db: db.execute(sa.text(statement), {"t": moment}))
