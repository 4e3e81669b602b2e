"""Messages on sockets: what goes into the queue, what comes back, in which order."""

import uuid

import pytest

from domain.cards import Limits
from domain.ids import ProjectId
from tests.integration.gateway.conftest import SHORT_LIVED, Publish
from tests.integration.gateway.running import Frame, RunningGateway, Widget
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token, message_id_of
from tests.waiting import wait_until


def say(widget: Widget, text: str, frame_id: str = "m1") -> None:
    """The frame is on its way."""
    widget.say({"type": "message", "id": frame_id, "text": text})


MESSAGE_ID = message_id_of("an agent's")


def queued(worker: ScriptedWorker) -> list[Frame]:
    """The messages that workers have seen."""
    requests = [request for m in worker.messages for request in m.get("requests", [])]
    return [request for request in requests if "client_id" in request]


def an_answer(visitor: str, *, is_person: bool, project: ProjectId) -> Frame:
    """The signal of an agent's message."""
    return {
        "type": "message",
        "project_id": project,
        "visitor_id": visitor,
        "is_person": is_person,
        "message_id": MESSAGE_ID,
        "from": {"name": "Bob"},
        "text": "hello",
        "at": "2026-11-22T09:00:00.000Z",
    }


HEARD = {
    "type": "message",
    "message_id": MESSAGE_ID,
    "from": {"name": "Bob"},
    "text": "hello",
    "at": "2026-11-22T09:00:00.000Z",
}


def test_a_message_is_sent_once_a_worker_has_stored_it(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The request says what the socket is: anonymous, with its device."""
    worker.hold()
    with gateway.widget(project) as widget:
        welcome = widget.hello()
        say(widget, "hello")
        wait_until(lambda: len(queued(worker)) == 1)
        assert widget.is_answering()  # with a pong, before any `sent`
        worker.release()

        assert widget.hear() == {"type": "sent", "id": "m1", "message_id": message_id_of("m1")}

    (request,) = queued(worker)
    assert uuid.UUID(request.pop("request_id")).version == 7
    request.pop("received_at")
    assert request == {
        "project_id": project,
        "session_id": welcome["session"],
        "device_id": welcome["device"],
        "node_id": gateway.node_id,
        "client_id": "m1",
        "text": "hello",
        "visitor_id": welcome["visitor"]["id"],
        "generation": None,
        "person_epoch": 0,
    }


def test_words_belong_to_who_the_socket_was_when_they_were_said(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Frames in one go take effect in their order, whichever queue is faster."""
    with gateway.widget(project) as widget:
        welcome = widget.hello()
        say(widget, "anonymous", "m1")
        widget.say({"type": "sign_in", "id": "in", "token": a_token("ada")})
        say(widget, "as ada", "m2")
        frames = [widget.hear() for _ in range(3)]
        widget.say({"type": "sign_out", "id": "out"})
        say(widget, "nobody", "m3")
        frames += [widget.hear() for _ in range(2)]

    assert [frame["id"] for frame in frames] == ["m1", "in", "m2", "out", "m3"]
    _, signed_in, _, signed_out, _ = frames
    seen = [(r["text"], r["visitor_id"], r["device_id"], r["generation"]) for r in queued(worker)]
    assert seen == [
        ("anonymous", welcome["visitor"]["id"], welcome["device"], None),
        ("as ada", signed_in["visitor"]["id"], signed_in["device"], 1),
        ("nobody", signed_out["visitor"]["id"], signed_out["device"], None),
    ]


def test_a_refused_sign_in_holds_no_message_back(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """What waited for it goes on as whoever the socket still is."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.say({"type": "sign_in", "id": "in", "token": a_token(refuse="token_expired")})
        say(widget, "still here")
        assert [widget.hear()["type"] for _ in range(2)] == ["refused", "sent"]


def test_a_device_that_sql_has_ended_is_exchanged(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The widget comes back and gets another; nothing was written."""
    with gateway.widget(project) as widget:
        widget.hello()
        say(widget, "ended")
        code, reason = widget.close_reason()
    assert (code, reason["code"]) == (1013, "try_again")


@pytest.mark.parametrize("patience", [SHORT_LIVED])
def test_a_message_that_nobody_answers_may_be_sent_again(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """As may one that a worker could not store."""
    with gateway.widget(project) as widget:
        widget.hello()
        say(widget, "silent")
        answer = widget.hear()
        assert (answer["type"], answer["id"], answer["code"]) == ("refused", "m1", "unavailable")
        assert answer["retry_after_ms"] > 0
        gateway.let_messages_live()
        say(widget, "refuse unavailable", "m2")
        assert widget.hear()["code"] == "unavailable"
        say(widget, "again")
        assert widget.hear()["type"] == "sent"


def test_text_that_cannot_be_kept_is_refused_at_once(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """With a sentence; the socket stays."""
    with gateway.widget(project) as widget:
        widget.hello()
        for text in ("a\x00b", "", "x" * 4001):
            say(widget, text)
            answer = widget.hear()
            assert (answer["type"], answer["id"]) == ("error", "m1")
        assert widget.is_answering()
    assert queued(worker) == []


def test_too_many_messages_have_to_wait(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """The project's limit holds for each socket."""
    project = a_project(limits=Limits(messages_per_socket=2))
    with gateway.widget(project) as widget:
        widget.hello()
        for number in range(3):
            say(widget, "hello", f"m{number}")
        answers = sorted((widget.hear() for _ in range(3)), key=lambda frame: frame["id"])
    assert [frame["type"] for frame in answers] == ["sent", "sent", "refused"]
    assert answers[2]["code"] == "rate_limited"
    assert 0 < answers[2]["retry_after_ms"] <= 60_001


def test_an_agents_words_reach_every_socket_of_the_thread(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Those that signed in as the person, and nobody else's."""
    with (
        gateway.widget(project) as phone,
        gateway.widget(project) as laptop,
        gateway.widget(project) as stranger,
    ):
        for widget in (phone, laptop, stranger):
            widget.hello()
        ada = phone.sign_in(a_token("ada"))["visitor"]["id"]
        laptop.sign_in(a_token("ada"))
        stranger.sign_in(a_token("eve"))

        worker.signal(gateway.node_id, an_answer(ada, is_person=True, project=project))

        assert phone.hear() == laptop.hear() == HEARD
        assert stranger.is_answering()


def test_a_socket_that_never_signed_in_hears_nothing_of_the_person(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Even where the person's record is the one that its device once began."""
    with gateway.widget(project) as tab, gateway.widget(project) as other:
        welcome = tab.hello()
        assert other.hello(welcome["device"])["visitor"] == welcome["visitor"]
        record = welcome["visitor"]["id"]

        worker.signal(gateway.node_id, an_answer(record, is_person=True, project=project))
        assert tab.is_answering()
        assert other.is_answering()

        worker.signal(gateway.node_id, an_answer(record, is_person=False, project=project))
        assert tab.hear() == other.hear() == HEARD


def test_a_session_without_its_proof_stays_in_its_thread(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """It hears the agent, and what it says is sent as unverified."""
    with gateway.widget(project) as widget:
        widget.hello()
        answer = widget.sign_in(a_token("ada", proof_seconds=0.5))
        ada = answer["visitor"]["id"]
        assert widget.hear()["type"] == "reauthenticate"
        assert widget.hear()["visitor"] == {"id": ada, "authenticated": False}

        worker.signal(gateway.node_id, an_answer(ada, is_person=True, project=project))
        assert widget.hear() == HEARD
        say(widget, "still me")
        assert widget.hear()["type"] == "sent"

    (request,) = queued(worker)
    assert (request["visitor_id"], request["generation"]) == (ada, None)


def test_words_that_waited_beyond_the_proof_are_not_sent_as_verified(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The sign-in that they waited for is refused, and nothing vouches for them any more."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.sign_in(a_token("ada", proof_seconds=0.5))
        worker.hold()
        widget.say({"type": "sign_in", "id": "in", "token": a_token(refuse="token_expired")})
        say(widget, "still me")
        heard = [widget.hear()["type"] for _ in range(2)]
        worker.release()
        heard += [widget.hear()["type"] for _ in range(2)]

    assert heard == ["reauthenticate", "visitor", "refused", "sent"]
    (request,) = queued(worker)
    assert request["generation"] is None


def test_other_sockets_of_the_person_hear_of_a_change(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The one whose token said so knows already."""
    with gateway.widget(project) as phone, gateway.widget(project) as laptop:
        session = phone.hello()["session"]
        laptop.hello()
        ada = phone.sign_in(a_token("ada"))["visitor"]["id"]
        laptop.sign_in(a_token("ada"))
        facts = {"id": ada, "custom_id": "ada", "name": "Ada", "email": None}

        signal = {"type": "visitor", "project_id": project, "visitor": facts}
        worker.signal(gateway.node_id, {**signal, "session_id": session})

        assert laptop.hear() == {"type": "visitor", "visitor": {**facts, "authenticated": True}}
        assert phone.is_answering()


def test_a_sign_in_waits_for_the_words_before_it(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """No worker hears of it until the message has its answer: the device stands until then."""
    asked = 'lane_in_flight{task="visitors.verify"}'
    worker.hold()
    with gateway.widget(project) as widget:
        widget.hello()
        say(widget, "anonymous")
        widget.say({"type": "sign_in", "id": "in", "token": a_token("ada")})
        wait_until(lambda: len(queued(worker)) == 1)
        assert widget.is_answering()
        assert gateway.figure('lane_in_flight{task="messages.store"}') == 1
        assert gateway.figure(asked) == 0

        worker.release()

        assert [widget.hear()["type"] for _ in range(2)] == ["sent", "signed_in"]
