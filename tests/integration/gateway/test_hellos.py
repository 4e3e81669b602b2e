"""From the upgrade to the welcome, and every way not to get there."""

import time
import uuid
from contextlib import ExitStack
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from domain.cards import Card, Limits
from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId, ProjectId
from gateway.sockets import Patience
from storage.redis.client import Redis
from storage.redis.sessions import count_by_generation, list_sessions
from tests.integration.gateway.conftest import PATIENT, Publish
from tests.integration.gateway.running import RunningGateway, Widget
from tests.integration.gateway.scripted_worker import ScriptedWorker
from tests.waiting import wait_until


def test_a_hello_is_welcomed_and_recorded(
    gateway: RunningGateway, project: ProjectId, redis: Redis
) -> None:
    """The welcome names a session that stands in Redis, an anonymous visitor and a device."""
    with gateway.widget(project) as widget:
        welcome = widget.hello()

        (stored,) = list_sessions(redis, project)
        assert stored.session_id == welcome["session"]
        assert stored.visitor_id == welcome["visitor"]["id"]
        assert stored.generation is None
        assert stored.node_id == gateway.node_id
        assert welcome["visitor"]["authenticated"] is False
        assert welcome["visitor"]["id"] == anonymous_visitor(DeviceId(welcome["device"]))
        assert welcome["heartbeat_seconds"] == 30


def test_a_session_that_ends_leaves_nothing(
    gateway: RunningGateway, project: ProjectId, redis: Redis
) -> None:
    """Its record goes with its socket."""
    with gateway.widget(project) as widget:
        widget.hello()

    wait_until(lambda: not count_by_generation(redis, project))
    wait_until(lambda: gateway.figure("sockets_open") == 0)


def test_a_certified_device_is_the_same_visitor_again(
    gateway: RunningGateway, project: ProjectId
) -> None:
    """What we issued we know; the session is another."""
    with gateway.widget(project) as first, gateway.widget(project) as second:
        welcome = first.hello()
        again = second.hello(welcome["device"])

    assert again["device"] == welcome["device"]
    assert again["visitor"] == welcome["visitor"]
    assert again["session"] != welcome["session"]


@pytest.mark.parametrize("kind", ["foreign", "forged", "long"])
def test_another_device_is_answered_with_a_fresh_one(
    gateway: RunningGateway, project: ProjectId, a_project: Publish, kind: str
) -> None:
    """A device of another project, an altered one, or nonsense is an empty record."""
    with gateway.widget(a_project()) as stranger:
        foreign = stranger.hello()["device"]
    device = {"foreign": foreign, "forged": "A" * 51, "long": "x" * 5_000}[kind]

    with gateway.widget(project) as widget:
        assert widget.hello(device)["device"] != device


def test_a_project_that_sql_does_not_know_is_4404(
    gateway: RunningGateway, worker: ScriptedWorker
) -> None:
    """The workers are asked, and say so; the SDK stops."""
    unknown = str(uuid.uuid4())
    with gateway.widget(unknown) as widget:
        widget.say({"type": "hello"})

        assert widget.close_reason() == (4404, {"code": "unknown_project"})

    assert {"project_id": unknown} in worker.messages


def test_a_card_that_redis_lacks_is_published_while_the_hello_waits(
    gateway: RunningGateway, worker: ScriptedWorker
) -> None:
    """Many that wait for it ask once."""
    project = ProjectId(str(uuid.uuid4()))
    worker.cards[project] = Card(project, 1, 1)
    worker.hold()
    with gateway.widget(project) as first, gateway.widget(project) as second:
        first.say({"type": "hello"})
        second.say({"type": "hello"})
        wait_until(lambda: bool(worker.messages))
        worker.release()

        assert first.hear()["type"] == "welcome"
        assert second.hear()["type"] == "welcome"
    assert worker.messages == [{"project_id": project}]


@pytest.mark.parametrize("patience", [replace(PATIENT, publication_seconds=0.1)])
def test_a_card_that_nobody_publishes_is_1013(gateway: RunningGateway) -> None:
    """Missing means unknown, therefore closed, and never 4404."""
    with gateway.widget(str(uuid.uuid4())) as widget:
        widget.say({"type": "hello"})

        code, reason = widget.close_reason()
    assert code == 1013
    assert reason["code"] == "try_again"
    assert reason["retry_after_ms"] > 0


def test_a_card_lost_in_redis_is_not_taken_from_memory(
    gateway: RunningGateway, project: ProjectId, redis: Redis, worker: ScriptedWorker
) -> None:
    """The node held it, Redis does not any more: it is published anew before anybody is let in."""
    with gateway.widget(project) as first:
        first.hello()
        redis.delete(f"{{{project}}}:card")

        with gateway.widget(project) as second:
            second.hello()

    assert {"project_id": project} in worker.messages


@pytest.mark.parametrize("held", [False, True])
def test_a_foreign_origin_is_refused_at_the_upgrade(
    gateway: RunningGateway, a_project: Publish, *, held: bool
) -> None:
    """Whether the node holds the card already or has to read it first."""
    project = a_project(origins=("https://shop.example",))
    if held:
        with gateway.widget(project) as widget:
            widget.hello()

    with (
        pytest.raises(InvalidStatus) as refused,
        gateway.widget(project, origin="https://evil.example"),
    ):
        pass

    assert refused.value.response.status_code == 403


def test_an_allowed_origin_is_let_in(gateway: RunningGateway, a_project: Publish) -> None:
    """And so is one that names no origin, which no browser does."""
    project = a_project(origins=("https://shop.example",))
    with gateway.widget(project, origin="https://shop.example") as widget:
        widget.hello()
    with gateway.widget(project) as widget:
        widget.hello()


@pytest.mark.parametrize("patience", [replace(PATIENT, hello_seconds=0.2)])
def test_who_says_nothing_is_4408(gateway: RunningGateway, project: ProjectId) -> None:
    """A hello is owed in time."""
    with gateway.widget(project) as widget:
        assert widget.close_reason() == (4408, {"code": "hello_timeout"})


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", '{"type":"ping"}', '{"type":"sign_out","id":"1"}', '{"type":"welcome"}'],
)
def test_what_is_no_hello_is_4400(gateway: RunningGateway, project: ProjectId, text: str) -> None:
    """The first frame is a hello."""
    with gateway.widget(project) as widget:
        widget.say(text)

        assert widget.close_reason() == (4400, {"code": "protocol_error"})


def test_a_second_hello_is_4400(gateway: RunningGateway, project: ProjectId) -> None:
    """And only the first."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.say({"type": "hello"})

        assert widget.close_reason()[0] == 4400


def test_a_bad_field_is_told_and_the_socket_stays(
    gateway: RunningGateway, project: ProjectId
) -> None:
    """An error frame with the id of the frame, then life goes on."""
    with gateway.widget(project) as widget:
        widget.say({"type": "hello", "device": 7})
        assert widget.hear()["code"] == "frame_invalid"
        widget.hello()
        widget.say({"type": "sign_in", "id": "x", "token": 7})

        error = widget.hear()

        assert (error["type"], error["id"], error["code"]) == ("error", "x", "frame_invalid")
        assert widget.is_answering()


def test_an_address_that_connects_too_often_is_4429(
    gateway: RunningGateway, a_project: Publish
) -> None:
    """By the card's limit, in each minute."""
    project = a_project(limits=Limits(connects_per_address=2))
    for _ in range(2):
        with gateway.widget(project) as widget:
            widget.hello()

    with gateway.widget(project) as widget:
        code, reason = widget.close_reason()

    assert code == 4429
    assert reason["code"] == "too_many_requests"
    assert reason["retry_after_ms"] >= 10_000


def test_naming_made_up_projects_uses_up_the_address_but_no_real_project(
    gateway: RunningGateway, a_project: Publish
) -> None:
    """Whoever is over the budget causes no read and no request; projects held here stay open."""
    held, not_held = a_project(), a_project()
    with gateway.widget(held) as widget:
        widget.hello()
    spend_budget_for_unheld_projects(gateway)

    with gateway.widget(not_held) as widget:
        assert widget.close_reason()[0] == 4429
    with (
        pytest.raises(InvalidStatus) as refused,
        gateway.widget(not_held, origin="https://shop.example"),
    ):
        pass
    assert refused.value.response.status_code == 429
    for options in ({}, {"origin": "https://shop.example"}):
        with gateway.widget(held, **options) as widget:
            widget.hello()


@pytest.mark.parametrize("patience", [replace(PATIENT, max_awaited=2)])
def test_those_who_say_nothing_do_not_keep_out_those_who_do(
    gateway: RunningGateway, project: ProjectId
) -> None:
    """One more than a node waits for takes the place of the oldest; the welcomed do not count."""
    with ExitStack() as stack:
        silent, second, third = (stack.enter_context(gateway.widget(project)) for _ in range(3))

        assert silent.close_reason() == (4408, {"code": "hello_timeout"})
        second.hello()
        third.hello()
        stack.enter_context(gateway.widget(project)).hello()


def test_a_socket_that_talks_without_end_is_4429(
    gateway: RunningGateway, project: ProjectId
) -> None:
    """Frames, too, are bounded in each minute."""
    with gateway.widget(project) as widget:
        widget.hello()

        with pytest.raises(ConnectionClosed, match="too_many_requests"):
            _talk(widget, 2 * Patience().frames_per_minute)


def spend_budget_for_unheld_projects(gateway: RunningGateway) -> None:
    """This address has named as many projects as it may."""
    node = gateway._gateway._node
    assert node is not None
    while node.context.connects.admit_to_unheld("127.0.0.1", time.monotonic()):
        pass


def _talk(widget: Widget, frames: int, at_once: int = 100) -> None:
    """So many frames are said; every answer is taken, or the gateway would not go on."""
    for _ in range(frames // at_once):
        for _ in range(at_once):
            widget.say('{"type":"sign_out"}')
        for _ in range(at_once):
            assert widget.hear()["code"] == "frame_invalid"
