"""From a committed revocation to its receipt: Redis, nodes, relay and settling."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from domain.cards import Card
from domain.events import EventKind
from domain.ids import EventId, NodeId, ProjectId, RotationId, SessionId, VisitorId, uuid7
from domain.receipts import NodeCounts, SessionCounts
from domain.rotations import RotationState
from services.confirmed_events import EventUnconfirmed
from services.erase_secrets import erase_secrets
from services.publish_cards import (
    assert_cards_after_loss,
    publish_card,
    publish_recent_cards,
)
from services.reap_sessions import reap_sessions
from services.relay_outbox import relay_outbox
from services.revoke_tokens import revoke_tokens
from services.rotate_secret import Generated
from services.settle_rotations import settle_rotations
from services.stores import Stores
from storage.redis import keys, leases, publications, receipts, sessions
from storage.redis.buckets import Bucket
from storage.redis.client import connect, connect_async
from storage.redis.session_writer import SessionWriter
from storage.sql import outbox, projects, rotations, signing_secrets
from storage.sql.engine import Database, open_database
from storage.sql.tables import audit_log
from storage.sql.tables import outbox as outbox_table
from tests.integration.scenes import SEALER, Broker, Clock, add_project, open_transactor, rotate
from tests.published.witness import WITNESS
from tests.waiting import SECONDS

NODE = NodeId("node-a")
OTHER_NODE = NodeId("node-b")
THIRD_NODE = NodeId("node-c")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Scene:
    """A project with two generations; the first has just been revoked in SQL."""

    stores: Stores
    broker: Broker
    project_id: ProjectId
    redis_url: str
    clock: Clock

    def regenerate(self) -> Generated:
        """A new secret; what is sent stays with the broker of the test."""
        return rotate(self.stores.transactor, self.project_id)

    def told(self) -> tuple[EventId, ProjectId, RotationId]:
        """What the last message said."""
        kind, payload = self.broker.sent[-1]
        assert kind is EventKind.SECRET_REVOKED
        return payload["event_id"], payload["project_id"], payload["rotation_id"]

    def live(self, node: NodeId, generations: list[int | None]) -> None:
        """The node lives, until `end`, and holds one session for each of these generations."""
        asyncio.run(_live(self.redis_url, node, self.project_id, generations))

    def answer(self, node: NodeId, rotation_id: RotationId, closed: int) -> None:
        """The node says how many sockets it closed."""
        asyncio.run(_answer(self.redis_url, self.project_id, rotation_id, node, closed))

    def end(self, node: NodeId) -> None:
        """The node's lease is gone."""
        asyncio.run(_end(self.redis_url, node))

    def receipt(self, rotation_id: RotationId) -> tuple[RotationState, SessionCounts, NodeCounts]:
        """The receipt as SQL has it."""
        with self.stores.database.reading() as db:
            rotation = rotations.get_rotation(db, self.project_id, rotation_id)
        return rotation.state, rotation.sessions, rotation.nodes


async def _live(
    url: str, node: NodeId, project_id: ProjectId, generations: list[int | None]
) -> None:
    client = connect_async(url)
    await leases.renew(client, node)
    await client.persist(keys.lease(node))
    await client.aclose()
    await _write(url, node, project_id, generations)


async def _write(
    url: str, node: NodeId, project_id: ProjectId, generations: list[int | None]
) -> None:
    client = connect_async(url)
    writer = SessionWriter(client, node)
    for generation in generations:
        session = SessionId(uuid7(datetime.now(UTC), os.urandom(10)))
        visitor = VisitorId(uuid7(datetime.now(UTC), os.urandom(10)))
        bucket = Bucket(generation, node, 0)
        await writer.register(project_id, session, visitor, None, bucket)
    await client.aclose()


async def _answer(
    url: str, project_id: ProjectId, rotation_id: RotationId, node: NodeId, closed: int
) -> None:
    client = connect_async(url)
    await receipts.answer(client, project_id, rotation_id, node, closed, os.urandom(8).hex())
    await client.aclose()


async def _end(url: str, node: NodeId) -> None:
    client = connect_async(url)
    await leases.release(client, node)
    await client.aclose()


@pytest.fixture
def clock() -> Clock:
    """What the database goes by: nothing comes due because a machine stood still."""
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    """A database that goes by the clock."""
    opened = open_database(database_url, clock)
    yield opened
    WITNESS.written(opened)
    opened.close()


@pytest.fixture
def scene(database: Database, redis_url: str, clock: Clock) -> Iterator[Scene]:
    """A project whose card stands in Redis, with its first secret."""
    transactor, broker = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    scene = Scene(stores, broker, add_project(transactor), redis_url, clock)
    scene.regenerate()
    publish_card(stores, scene.project_id)
    yield scene
    stores.redis.close()


def epoch_in_redis(scene: Scene) -> int | None:
    """The epoch on the project's card."""
    read = publications.read_versions(scene.stores.redis, [scene.project_id])
    return read[scene.project_id].epoch


def test_revocation_without_nodes_completes_at_once(scene: Scene) -> None:
    """With nobody connected the receipt is complete and the event done."""
    rotation = scene.regenerate().rotation
    assert rotation

    revoke_tokens(scene.stores, *scene.told())

    assert scene.receipt(rotation.id)[0] is RotationState.COMPLETED
    assert epoch_in_redis(scene) == 2
    with scene.stores.database.reading() as db:
        event = outbox.find_event(db, scene.told()[0])
    assert event
    assert event.done_at


def test_only_the_dead_generation_is_dropped(scene: Scene) -> None:
    """Records below the epoch are gone; anonymous ones and newer ones stay."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1, 1, 1, 2, None])
    scene.answer(NODE, rotation.id, 3)

    revoke_tokens(scene.stores, *scene.told())

    left = sessions.count_by_generation(scene.stores.redis, scene.project_id)
    assert left == {2: 1, None: 1}
    state, counts, nodes = scene.receipt(rotation.id)
    assert state is RotationState.COMPLETED
    assert counts == SessionCounts(targeted=3, closed=3, gone=0)
    assert nodes == NodeCounts(asked=1, answered=1)


def test_a_late_answer_is_settled_later(scene: Scene) -> None:
    """A node that answers late completes the receipt in the next sweep."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1, 1])
    revoke_tokens(scene.stores, *scene.told())
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING

    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING
    scene.answer(NODE, rotation.id, 2)
    settle_rotations(scene.stores)

    state, counts, _ = scene.receipt(rotation.id)
    assert state is RotationState.COMPLETED
    assert counts == SessionCounts(targeted=2, closed=2, gone=0)


def test_a_dead_node_is_named_and_completes_the_receipt(scene: Scene) -> None:
    """A node whose lease expired unanswered is in the receipt by name, its sessions as gone."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1])
    scene.live(OTHER_NODE, [1])
    revoke_tokens(scene.stores, *scene.told())
    scene.answer(NODE, rotation.id, 1)
    scene.end(OTHER_NODE)

    settle_rotations(scene.stores)

    state, counts, nodes = scene.receipt(rotation.id)
    assert state is RotationState.COMPLETED
    assert counts == SessionCounts(targeted=2, closed=1, gone=1)
    assert nodes == NodeCounts(asked=2, answered=1, expired=(OTHER_NODE,))


def test_revoking_twice_changes_nothing(scene: Scene) -> None:
    """A repeated message finds everything done and leaves the receipt as it is."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1, None])
    scene.answer(NODE, rotation.id, 1)
    revoke_tokens(scene.stores, *scene.told())
    first = scene.receipt(rotation.id)

    revoke_tokens(scene.stores, *scene.told())

    assert scene.receipt(rotation.id) == first
    assert sessions.count_by_generation(scene.stores.redis, scene.project_id) == {None: 1}


@pytest.mark.parametrize("forged", ["event", "project", "rotation"])
def test_a_forged_message_changes_nothing(scene: Scene, forged: str) -> None:
    """What SQL does not confirm is refused, and nothing has changed."""
    scene.regenerate()
    scene.live(NODE, [1])
    event_id, project_id, rotation_id = scene.told()
    other = add_project(scene.stores.transactor)
    message = {
        "event": (EventId(str(rotation_id)), project_id, rotation_id),
        "project": (event_id, other, rotation_id),
        "rotation": (event_id, project_id, RotationId(str(event_id))),
    }[forged]

    with pytest.raises(EventUnconfirmed):
        revoke_tokens(scene.stores, *message)

    assert epoch_in_redis(scene) == 1
    assert sessions.count_by_generation(scene.stores.redis, scene.project_id)[1] == 1


def test_a_card_that_redis_lost_is_published_again(scene: Scene) -> None:
    """Where Redis lost the card it is seeded from SQL; the nodes are asked once more later."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1])
    scene.stores.redis.flushall()

    revoke_tokens(scene.stores, *scene.told())
    assert epoch_in_redis(scene) == 2
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING

    scene.live(NODE, [])  # the node has its lease again
    scene.answer(NODE, rotation.id, 1)
    scene.clock.go_on(6)
    _age_receipt(scene, rotation.id)
    relay_outbox(scene.stores)
    state, counts, nodes = scene.receipt(rotation.id)
    assert state is RotationState.COMPLETED
    assert (counts.closed, nodes.answered) == (1, 1)


def test_a_loss_leaves_nodes_the_time_to_return(scene: Scene) -> None:
    """No receipt is completed that nobody was asked for, because nobody was known any more."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1])
    scene.stores.redis.flushall()
    revoke_tokens(scene.stores, *scene.told())
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING
    _renew_receipt(scene, rotation.id)
    revoke_tokens(scene.stores, *scene.told())  # finds the card that the first has published
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING

    scene.live(NODE, [])
    _renew_receipt(scene, rotation.id)
    settle_rotations(scene.stores)
    scene.answer(NODE, rotation.id, 1)
    _age_receipt(scene, rotation.id)
    settle_rotations(scene.stores)
    state, counts, nodes = scene.receipt(rotation.id)
    assert (state, counts.closed, nodes) == (
        RotationState.COMPLETED,
        1,
        NodeCounts(asked=1, answered=1),
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_revocation_counts_its_own_sessions(scene: Scene, order: tuple[int, int]) -> None:
    """Two regenerates before the first is carried out, in whatever order: two right receipts."""
    scene.live(NODE, [1, 1, 1])
    made = []
    for generation in (2, 3):
        rotation = scene.regenerate().rotation
        assert rotation
        made.append((scene.told(), rotation.id))
        if generation == 2:
            scene.live(NODE, [2, 2])

    for index in order:
        told, _ = made[index]
        revoke_tokens(scene.stores, *told)

    targeted = [scene.receipt(rotation_id)[1].targeted for _, rotation_id in made]
    assert targeted == [3, 2]


def test_a_node_that_did_not_answer_is_asked_again(scene: Scene) -> None:
    """A lost signal costs a sweep: settling asks every node that still owes its answer."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1])
    revoke_tokens(scene.stores, *scene.told())

    with scene.stores.redis.pubsub() as heard:
        heard.subscribe(keys.signals(NODE))
        assert heard.get_message(timeout=SECONDS)
        settle_rotations(scene.stores)
        message = heard.get_message(timeout=SECONDS)
    assert message
    assert json.loads(message["data"]) == {
        "type": "revoke",
        "project_id": scene.project_id,
        "since": 1,
        "epoch": 2,
        "rotation_id": rotation.id,
    }


def test_a_lost_receipt_is_not_taken_for_a_settled_one(scene: Scene) -> None:
    """Where Redis forgot who was asked, everybody is asked again before it is completed."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1, 1])
    revoke_tokens(scene.stores, *scene.told())
    scene.stores.redis.flushall()

    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING

    scene.live(NODE, [])
    settle_rotations(scene.stores)
    scene.answer(NODE, rotation.id, 2)
    _renew_receipt(scene, rotation.id)
    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING  # others may come back yet
    _age_receipt(scene, rotation.id)
    settle_rotations(scene.stores)
    state, counts, _ = scene.receipt(rotation.id)
    assert state is RotationState.COMPLETED
    assert counts == SessionCounts(targeted=2, closed=2, gone=0)


def test_a_dead_node_is_named_though_redis_lost_it_with_the_receipt(scene: Scene) -> None:
    """SQL keeps who was asked, and what the others had answered before."""
    rotation = scene.regenerate().rotation
    assert rotation
    for node in (NODE, OTHER_NODE, THIRD_NODE):
        scene.live(node, [1, 1])
    scene.answer(NODE, rotation.id, 2)
    revoke_tokens(scene.stores, *scene.told())
    scene.stores.redis.flushall()
    scene.live(THIRD_NODE, [])

    settle_rotations(scene.stores)
    scene.answer(THIRD_NODE, rotation.id, 1)
    assert scene.receipt(rotation.id)[2] == NodeCounts(asked=3, answered=1)
    _renew_receipt(scene, rotation.id)
    settle_rotations(scene.stores)
    state, _, nodes = scene.receipt(rotation.id)
    assert state is RotationState.CUTTING  # the other may come back yet
    assert nodes == NodeCounts(asked=3, answered=2)

    _age_receipt(scene, rotation.id)
    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id) == (
        RotationState.COMPLETED,
        SessionCounts(targeted=6, closed=3, gone=3),
        NodeCounts(asked=3, answered=2, expired=(OTHER_NODE,)),
    )


def test_a_node_that_was_given_up_and_answers_is_not_named(scene: Scene) -> None:
    """It was away for longer than its lease, and came back within the minute."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1])
    revoke_tokens(scene.stores, *scene.told())
    scene.end(NODE)
    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id)[2] == NodeCounts(asked=1, answered=0, expired=(NODE,))

    scene.answer(NODE, rotation.id, 1)
    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id) == (
        RotationState.COMPLETED,
        SessionCounts(targeted=1, closed=1, gone=0),
        NodeCounts(asked=1, answered=1),
    )


def test_a_close_after_completion_still_counts(scene: Scene) -> None:
    """A socket that was being bound during the cut is in the receipt, a moment later."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.live(NODE, [1])
    scene.answer(NODE, rotation.id, 1)
    revoke_tokens(scene.stores, *scene.told())
    assert scene.receipt(rotation.id)[0] is RotationState.COMPLETED

    scene.answer(NODE, rotation.id, 1)
    settle_rotations(scene.stores)

    assert scene.receipt(rotation.id)[1] == SessionCounts(targeted=2, closed=2, gone=0)


def test_the_relay_sends_again_what_was_not_sent(scene: Scene) -> None:
    """An event that the broker did not take is sent by the relay once it is due."""
    scene.broker.is_down = True
    scene.regenerate()
    scene.broker.is_down = False
    sent_before = len(scene.broker.sent)

    assert relay_outbox(scene.stores) == 0
    scene.clock.go_on(3)
    assert relay_outbox(scene.stores) == 1
    assert len(scene.broker.sent) == sent_before + 1
    assert relay_outbox(scene.stores) == 0


def test_the_relay_carries_out_an_old_revocation_itself(scene: Scene) -> None:
    """A revocation older than five seconds no longer waits for its own workers."""
    rotation = scene.regenerate().rotation
    assert rotation
    scene.clock.go_on(6)

    relay_outbox(scene.stores)

    assert scene.receipt(rotation.id)[0] is RotationState.COMPLETED
    assert epoch_in_redis(scene) == 2


def test_settling_leaves_undone_revocations_to_the_relay(scene: Scene) -> None:
    """A rotation whose revocation was never carried out is not completed by settling."""
    rotation = scene.regenerate().rotation
    assert rotation
    settle_rotations(scene.stores)
    assert scene.receipt(rotation.id)[0] is RotationState.CUTTING


def test_an_event_of_a_newer_release_is_left_alone(scene: Scene) -> None:
    """After a return to an older one: neither sent nor done, and what is understood goes on."""
    rotation = scene.regenerate().rotation
    assert rotation
    revoke_tokens(scene.stores, *scene.told())
    newer = outbox_table.c.kind == "ThingDone"
    scene.stores.database.write(
        lambda db: db.execute(
            outbox_table.insert().values(
                event_id=uuid7(LONG_AGO, os.urandom(10)),
                project_id=scene.project_id,
                kind="ThingDone",
                payload={},
                created_at=LONG_AGO,
                next_attempt_at=LONG_AGO,
            )
        )
    )

    assert settle_rotations(scene.stores) == 1
    assert relay_outbox(scene.stores) == 0

    gone = scene.stores.database.write(lambda db: db.execute(outbox_table.delete().where(newer)))
    assert gone.rowcount == 1


def test_recent_epochs_are_asserted_again(scene: Scene) -> None:
    """A failover to a stale copy is repaired by the sweep."""
    scene.regenerate()
    revoke_tokens(scene.stores, *scene.told())
    stale = replace(_card(scene), epoch=1)
    scene.stores.redis.flushall()
    seed = publications.begin_publication(scene.stores.redis, scene.project_id, "stale")
    publications.publish(scene.stores.redis, stale, seed)
    assert epoch_in_redis(scene) == 1

    assert publish_recent_cards(scene.stores) == 1
    assert epoch_in_redis(scene) == 2


def test_a_sweep_writes_no_card_that_stands_already(scene: Scene) -> None:
    """However many projects changed lately; one that differs or is missing is published again."""
    others = [add_project(scene.stores.transactor) for _ in range(3)]
    publish_recent_cards(scene.stores)
    assert publish_recent_cards(scene.stores) == 0

    scene.regenerate()
    scene.stores.redis.delete(keys.card(others[2]))

    assert publish_recent_cards(scene.stores) == 2
    assert publish_recent_cards(scene.stores) == 0


def test_all_cards_are_asserted_when_another_server_serves(scene: Scene) -> None:
    """After a restart every card is read from SQL again, page by page, and then no more."""
    others = [add_project(scene.stores.transactor) for _ in range(2)]
    first = [assert_cards_after_loss(scene.stores, at_once=2) for _ in range(3)]

    scene.stores.redis.flushall()  # as a restart without its data
    again = [assert_cards_after_loss(scene.stores, at_once=2) for _ in range(3)]

    assert first == again == [2, 1, 0]
    read = publications.read_versions(scene.stores.redis, [scene.project_id, *others])
    assert [version.epoch for version in read.values()] == [1, 1, 1]


def test_a_dead_node_is_reaped(scene: Scene) -> None:
    """Records of a dead node are removed, those of a living one stay."""
    scene.live(NODE, [1, None])
    scene.live(OTHER_NODE, [1])
    scene.end(NODE)

    assert reap_sessions(scene.stores) == 2

    assert sessions.count_by_generation(scene.stores.redis, scene.project_id) == {1: 1}
    assert set(leases.list_nodes(scene.stores.redis)) == {OTHER_NODE}


def test_a_node_killed_before_a_redis_that_came_back_knew_it_is_reaped(scene: Scene) -> None:
    """It had written a record there, and not yet renewed its lease."""
    scene.live(NODE, [1])
    scene.stores.redis.flushall()  # as a restart without its data
    publish_card(scene.stores, scene.project_id)
    asyncio.run(_write(scene.redis_url, NODE, scene.project_id, [1, None]))

    assert reap_sessions(scene.stores) == 2

    assert sessions.count_by_generation(scene.stores.redis, scene.project_id) == {}
    assert leases.list_nodes(scene.stores.redis) == {}


def test_events_are_audited_without_secrets(scene: Scene) -> None:
    """The audit log names who regenerated and which keys ended."""
    generated = scene.regenerate()
    with scene.stores.database.reading() as db:
        entries = db.execute(sa.select(audit_log).order_by(audit_log.c.id)).mappings().all()
    assert [entry["action"] for entry in entries] == ["secret.generated", "secret.regenerated"]
    assert entries[1]["details"]["key_id"] == generated.key_id
    assert generated.secret not in repr(entries)


def test_a_revoked_secret_is_erased_after_seven_days(scene: Scene) -> None:
    """Until then its sealed text names refusals; afterwards not even that is stored."""
    scene.regenerate()
    assert erase_secrets(scene.stores) == 0

    scene.clock.go_on(timedelta(days=7, seconds=1).total_seconds())

    assert erase_secrets(scene.stores) == 1
    with scene.stores.database.reading() as db:
        active, gone = signing_secrets.list_secrets(db, scene.project_id)
    assert (active.sealed is None, gone.sealed) == (False, None)


def _card(scene: Scene) -> Card:
    with scene.stores.database.reading() as db:
        return projects.get_project(db, scene.project_id).card()


def _age_receipt(scene: Scene, rotation_id: RotationId) -> None:
    """The receipt as if Redis had known of it for a long time."""
    scene.stores.redis.hset(keys.receipt(scene.project_id, rotation_id), "opened", 0)


def _renew_receipt(scene: Scene, rotation_id: RotationId) -> None:
    """The receipt as if Redis had known of it only since now."""
    seconds, _ = scene.stores.redis.time()
    scene.stores.redis.hset(keys.receipt(scene.project_id, rotation_id), "opened", seconds)
