"""Messages that wait for a change of identity are bounded: a socket's, a project's, the node's."""

from dataclasses import replace

import pytest

from domain.cards import Limits
from domain.ids import ProjectId
from gateway.sendings import MAX_UNSENT
from tests.integration.gateway.conftest import PATIENT, Publish
from tests.integration.gateway.running import RunningGateway, Widget
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.integration.gateway.test_messages import say
from tests.waiting import wait_until

TALKATIVE = Limits(messages_per_socket=10_000)


def begins_to_sign_in(widget: Widget) -> None:
    """What is said next waits for the answer."""
    widget.say({"type": "sign_in", "id": "in", "token": a_token()})


def is_taken(widget: Widget, frame_id: str) -> bool:
    """Whether one more message was not refused at once."""
    say(widget, "hello", frame_id)
    widget.say({"type": "ping"})
    answer = widget.hear()
    if answer["type"] == "pong":
        return True
    assert (answer["type"], answer["id"], answer["code"]) == ("refused", frame_id, "unavailable")
    assert answer["retry_after_ms"] > 0
    assert widget.hear()["type"] == "pong"
    return False


@pytest.mark.parametrize("patience", [replace(PATIENT, max_unsent=2)])
def test_a_node_holds_only_so_many_back(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Words that wait for nothing go out all the same; who has had an answer makes room."""
    with (
        gateway.widget(project) as ada,
        gateway.widget(project) as bob,
        gateway.widget(project) as stranger,
    ):
        for widget in (ada, bob, stranger):
            widget.hello()
        worker.hold()
        for widget in (ada, bob):
            begins_to_sign_in(widget)
            assert is_taken(widget, "m1")
        assert not is_taken(ada, "m2")
        assert not is_taken(bob, "m2")
        assert is_taken(stranger, "m1")
        worker.release()
        assert stranger.hear()["type"] == "sent"
        for widget in (ada, bob):
            assert [widget.hear()["type"] for _ in range(2)] == ["signed_in", "sent"]

        worker.hold()
        begins_to_sign_in(ada)
        assert is_taken(ada, "m3")
        assert is_taken(ada, "m4")


@pytest.mark.parametrize("patience", [replace(PATIENT, max_unsent=1)])
def test_who_is_gone_makes_room_for_others(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """What waited on its socket waits no more."""
    project = a_project(limits=TALKATIVE)
    worker.hold()
    with gateway.widget(project) as widget:
        widget.hello()
        begins_to_sign_in(widget)
        with gateway.widget(project) as leaver:
            leaver.hello()
            begins_to_sign_in(leaver)
            assert is_taken(leaver, "m1")
            assert not is_taken(widget, "m1")

        numbers = iter(range(2, 1_000))
        wait_until(lambda: is_taken(widget, f"m{next(numbers)}"), "room for one more")


@pytest.mark.parametrize("patience", [replace(PATIENT, max_unsent=4, project_unsent=1)])
def test_a_project_leaves_others_their_share(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """Once it has half of all; until then nobody is kept from what nobody else needs."""
    worker.hold()
    with gateway.widget(a_project()) as talkative, gateway.widget(a_project()) as other:
        for widget in (talkative, other):
            widget.hello()
            begins_to_sign_in(widget)
        assert is_taken(talkative, "m1")
        assert is_taken(talkative, "m2")
        assert not is_taken(talkative, "m3")
        assert is_taken(other, "m1")
        assert not is_taken(other, "m2")

        worker.release()
        for widget, taken in ((talkative, 2), (other, 1)):
            heard = [widget.hear()["type"] for _ in range(1 + taken)]
            assert heard == ["signed_in"] + taken * ["sent"]
        worker.hold()
        begins_to_sign_in(other)
        assert is_taken(other, "m3")


def test_a_socket_holds_only_so_many_back(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """Then the next is refused, and may be sent again."""
    worker.hold()
    with gateway.widget(a_project(limits=TALKATIVE)) as widget:
        widget.hello()
        begins_to_sign_in(widget)
        for number in range(MAX_UNSENT):
            say(widget, "hello", f"m{number}")
        assert not is_taken(widget, "one too many")
