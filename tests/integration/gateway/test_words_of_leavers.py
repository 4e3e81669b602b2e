"""Words said after a sign-out are never the leaver's, whatever becomes of the sign-out."""

import pytest

from domain.cards import Limits
from domain.ids import ProjectId
from tests.integration.gateway.conftest import Publish
from tests.integration.gateway.running import Frame, RunningGateway, Widget
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.integration.gateway.test_messages import queued, say
from tests.waiting import wait_until


def is_held_back(answer: Frame, frame_id: str) -> bool:
    """Whether the message was refused, to be sent again."""
    told = (answer["type"], answer["id"], answer.get("code"))
    return told == ("refused", frame_id, "unavailable") and answer["retry_after_ms"] > 0


def said_as(worker: ScriptedWorker) -> list[tuple[str, str]]:
    """The words that workers have seen, and the visitor that each names."""
    return [(request["text"], request["visitor_id"]) for request in queued(worker)]


def leaves_at_once(widget: Widget) -> None:
    """The visitor signs out and somebody writes, in one go."""
    widget.say({"type": "sign_out", "id": "out"})
    say(widget, "nobody's", "m1")


def test_words_behind_a_sign_out_that_fails_are_refused(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Also those said later, until the visitor has signed out or somebody else has signed in."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.sign_in(a_token("ada"))
        worker.keeps_everybody = True
        leaves_at_once(widget)
        refused = widget.hear()
        assert (refused["id"], refused["code"]) == ("out", "unavailable")
        assert refused["message"].startswith("The sign-out ")
        assert is_held_back(widget.hear(), "m1")
        say(widget, "nobody's", "m2")
        assert is_held_back(widget.hear(), "m2")
        assert widget.sign_in(a_token(refuse="token_expired"))["code"] == "token_expired"
        say(widget, "nobody's", "m3")
        assert is_held_back(widget.hear(), "m3")

        worker.keeps_everybody = False
        nobody = widget.sign_out()["visitor"]["id"]
        say(widget, "nobody's", "m1")
        assert widget.hear()["type"] == "sent"
        bob = widget.sign_in(a_token("bob"))["visitor"]["id"]
        say(widget, "bob's", "m4")
        assert widget.hear()["type"] == "sent"

    assert said_as(worker) == [("nobody's", nobody), ("bob's", bob)]


@pytest.mark.parametrize("answer", ["signed_in", "refused"])
def test_words_behind_a_sign_out_that_gives_way_are_refused(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, answer: str
) -> None:
    """It waited for a message; those before the sign-in that took its place are nobody's."""
    bad, good = a_token("bob", refuse="token_expired"), a_token("bob")
    with gateway.widget(project) as widget:
        widget.hello()
        ada = widget.sign_in(a_token("ada"))["visitor"]["id"]
        worker.hold()
        say(widget, "ada's", "m0")
        leaves_at_once(widget)
        widget.say({"type": "sign_in", "id": "in", "token": bad if answer == "refused" else good})
        say(widget, "bob's", "m2")
        assert widget.hear()["id"] == "out"
        assert is_held_back(widget.hear(), "m1")
        worker.release()

        assert widget.hear()["type"] == "sent"
        signing_in = widget.hear()
        assert signing_in["type"] == answer
        last = widget.hear()

    expected = [("ada's", ada)]
    if answer == "refused":
        assert is_held_back(last, "m2")
    else:
        assert last["type"] == "sent"
        expected.append(("bob's", signing_in["visitor"]["id"]))
    assert said_as(worker) == expected


def test_words_behind_a_sign_out_that_comes_too_soon_are_refused(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """It is no change of identity at all; the widget that has not heard so has asked for one."""
    with gateway.widget(a_project(limits=Limits(sign_ins_per_socket=1))) as widget:
        widget.hello()
        widget.sign_out()
        widget.sign_in(a_token("ada"))
        leaves_at_once(widget)

        refused = widget.hear()
        assert (refused["id"], refused["code"]) == ("out", "rate_limited")
        assert refused["message"].startswith("Too many sign-outs ")
        assert is_held_back(widget.hear(), "m1")

    assert queued(worker) == []


def test_words_before_a_sign_out_are_the_leavers(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """They waited for a sign-in that the sign-out has cancelled: they are whoever's it was."""
    with gateway.widget(project) as widget:
        visitor = widget.hello()["visitor"]["id"]
        worker.keeps_everybody = True
        worker.hold()
        widget.say({"type": "sign_in", "id": "in", "token": a_token(refuse="token_expired")})
        wait_until(lambda: worker.messages)
        say(widget, "mine", "m0")
        widget.say({"type": "sign_out", "id": "out"})
        assert widget.hear()["id"] == "in"
        worker.release()

        heard = {widget.hear()["id"] for _ in range(2)}

    assert heard == {"m0", "out"}
    assert said_as(worker) == [("mine", visitor)]
