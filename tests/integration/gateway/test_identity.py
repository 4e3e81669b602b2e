"""Signing in and out: what widgets, queues and Redis see of it."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from domain.cards import Limits
from domain.ids import ProjectId
from domain.outcomes import RefusedRequest, outcome_to_wire
from storage.redis.client import Redis
from storage.redis.sessions import count_by_generation, list_sessions
from tests.integration.gateway.conftest import PATIENT, SHORT_LIVED, Publish
from tests.integration.gateway.running import Frame, RunningGateway, Widget
from tests.integration.gateway.scripted_worker import KEY_ID, ScriptedWorker, a_token
from tests.waiting import wait_until


def verifications(worker: ScriptedWorker) -> list[str]:
    """The tokens' request ids that workers have seen, in order."""
    return [request["request_id"] for m in worker.messages for request in m.get("requests", [])]


def until_seen(gateway: RunningGateway, worker: ScriptedWorker, count: int) -> None:
    """So many requests have reached the worker."""
    wait_until(lambda: len(verifications(worker)) >= count)


def unanswered(widget: Widget, worker: ScriptedWorker, token: str) -> list[Frame]:
    """What the widget is told, trying until a worker has had the token, and not answered."""
    answers: list[Frame] = []

    def is_unavailable_though_seen() -> bool:
        answers.append(widget.sign_in(token))
        assert answers[-1]["code"] == "unavailable", answers
        return bool(worker.messages)

    wait_until(is_unavailable_though_seen, "a worker that has the token")
    return answers


def test_a_good_token_signs_the_session_in(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """The frame says who; Redis has the session under the generation that vouches for it."""
    with gateway.widget(project) as widget:
        welcome = widget.hello()

        answer = widget.sign_in("JWT " + a_token("ada"), "mine")

        assert answer["type"] == "signed_in"
        assert answer["id"] == "mine"
        assert answer["visitor"] == {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, "ada")),
            "custom_id": "ada",
            "name": None,
            "email": None,
            "authenticated": True,
        }
        assert answer["key_id"] == KEY_ID
        assert answer["device"] != welcome["device"]
        assert datetime.fromisoformat(answer["expires_at"]) > datetime.now(UTC)
        (stored,) = list_sessions(redis, project)
        assert (stored.session_id, stored.generation) == (welcome["session"], 1)
        assert stored.visitor_id == answer["visitor"]["id"]


def test_the_message_has_the_contracts_form_and_no_token_in_clear(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Body and headers: the token only sealed, the arguments not repeated."""
    token = a_token("ada")
    began = datetime.now(UTC) - timedelta(seconds=1)
    with gateway.widget(project) as widget:
        welcome = widget.hello()
        widget.sign_in(token)

    (message,) = worker.messages
    (request,) = message["requests"]
    assert request.pop("token").startswith("sealed:")
    assert began < datetime.fromisoformat(request.pop("received_at")) < datetime.now(UTC)
    assert uuid.UUID(request.pop("request_id")).version == 7
    assert request == {
        "project_id": project,
        "session_id": welcome["session"],
        "device_id": welcome["device"],
        "node_id": gateway.node_id,
    }
    headers = json.loads(worker.raw[0])["headers"]
    assert headers["expires"] is not None
    assert welcome["device"] not in json.dumps(headers)
    seen = json.dumps(worker.messages) + str(worker.raw[0])
    assert not any(part in seen for part in token.split("."))


def test_a_device_that_signed_in_is_over(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The device of before opens nothing: a hello with it gets a fresh one."""
    with gateway.widget(project) as widget:
        before = widget.hello()["device"]
        widget.sign_in(a_token())

        with gateway.widget(project) as other:
            assert other.hello(before)["device"] != before


def test_a_refusal_of_the_workers_reaches_the_widget(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Code and sentence as the worker gave them; the socket stays, as it was."""
    with gateway.widget(project) as widget:
        widget.hello()

        answer = widget.sign_in(a_token(refuse="key_revoked"), "mine")

        assert answer == {
            "type": "refused",
            "id": "mine",
            "code": "key_revoked",
            "message": "As the test wants.",
        }
        assert widget.sign_in(a_token())["type"] == "signed_in"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("nonsense", "token_malformed"),
        ("x" * 9_000, "token_too_large"),
        (jwt.encode({"sub": "ada"}, "", algorithm="none"), "algorithm_not_allowed"),
        (jwt.encode({"sub": "ada", "exp": 1}, "s" * 64), "token_expired"),
    ],
)
def test_what_needs_no_secret_is_refused_before_the_queue(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, token: str, code: str
) -> None:
    """Shape, size, algorithm and expiry cost a worker nothing."""
    with gateway.widget(project) as widget:
        widget.hello()

        assert widget.sign_in(token)["code"] == code
    assert not worker.messages


def test_a_socket_that_signs_in_too_often_is_told_when_to_come_back(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """By the card's limit, in each minute."""
    with gateway.widget(a_project(limits=Limits(sign_ins_per_socket=2))) as widget:
        widget.hello()
        for _ in range(2):
            assert widget.sign_in(a_token())["type"] == "signed_in"

        answer = widget.sign_in(a_token())

    assert answer["code"] == "rate_limited"
    assert 1_000 < answer["retry_after_ms"] <= 60_001


def test_a_token_sent_right_behind_the_hello_is_taken(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """It waits for the welcome."""
    with gateway.widget(project) as widget:
        widget.say({"type": "hello"})
        widget.say({"type": "sign_in", "id": "1", "token": a_token()})

        assert [widget.hear()["type"] for _ in range(2)] == ["welcome", "signed_in"]


def test_the_newest_token_waits_and_older_ones_give_way(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """One is in flight; of those that wait the newest is sent, and each has its answer."""
    with gateway.widget(project) as widget:
        widget.hello()
        worker.hold()
        widget.say({"type": "sign_in", "id": "a", "token": a_token("ada")})
        until_seen(gateway, worker, 1)
        widget.say({"type": "sign_in", "id": "b", "token": a_token("bob")})
        widget.say({"type": "sign_in", "id": "c", "token": a_token("cy")})
        superseded = widget.hear()
        worker.release()

        assert (superseded["id"], superseded["code"]) == ("b", "unavailable")
        assert "retry_after_ms" not in superseded
        answers = [widget.hear() for _ in range(2)]
    assert [(a["id"], a["visitor"]["custom_id"]) for a in answers] == [("a", "ada"), ("c", "cy")]
    assert len(verifications(worker)) == 2


@pytest.mark.parametrize("patience", [replace(PATIENT, lanes=replace(PATIENT.lanes, credits=1))])
def test_a_token_that_no_worker_has_seen_leaves_the_queue_for_a_newer_one(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """While another socket's is in flight, both of this one's wait; only the newer is sent."""
    with gateway.widget(project) as other, gateway.widget(project) as widget:
        other.hello()
        widget.hello()
        worker.hold()
        other.say({"type": "sign_in", "id": "o", "token": a_token("other")})
        until_seen(gateway, worker, 1)
        widget.say({"type": "sign_in", "id": "a", "token": a_token("ada")})
        widget.say({"type": "sign_in", "id": "b", "token": a_token("bob")})
        superseded = widget.hear()
        worker.release()

        assert (superseded["id"], superseded["code"]) == ("a", "unavailable")
        assert widget.hear()["id"] == "b"
    assert len(verifications(worker)) == 2


def test_a_sign_out_makes_the_session_anonymous(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """A fresh device, an empty record, no generation; the device of before is over."""
    with gateway.widget(project) as widget:
        widget.hello()
        signed_in = widget.sign_in(a_token())

        answer = widget.sign_out("bye")

        assert answer["type"] == "signed_out"
        assert answer["id"] == "bye"
        assert answer["visitor"]["authenticated"] is False
        assert answer["visitor"]["id"] != signed_in["visitor"]["id"]
        assert count_by_generation(redis, project) == {None: 1}
        with gateway.widget(project) as other:
            assert other.hello(signed_in["device"])["device"] != signed_in["device"]


def test_a_sign_out_cancels_the_sign_in_under_way(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """Its outcome comes and counts for nothing."""
    with gateway.widget(project) as widget:
        widget.hello()
        worker.hold()
        widget.say({"type": "sign_in", "id": "in", "token": a_token()})
        until_seen(gateway, worker, 1)

        cancelled = widget.sign_out("out")
        worker.release()

        assert (cancelled["id"], cancelled["code"]) == ("in", "unavailable")
        assert widget.hear()["type"] == "signed_out"
        assert count_by_generation(redis, project) == {None: 1}
        assert widget.is_answering()


def test_signing_in_as_another_person_gives_a_fresh_device(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """The session is the other person's; nothing of the first is left on it."""
    with gateway.widget(project) as widget:
        widget.hello()
        ada = widget.sign_in(a_token("ada"))
        bob = widget.sign_in(a_token("bob"))

        assert bob["device"] != ada["device"]
        (stored,) = list_sessions(redis, project)
        assert stored.visitor_id == bob["visitor"]["id"]


@pytest.mark.parametrize("patience", [SHORT_LIVED])
def test_a_request_that_nobody_answers_is_unavailable_and_never_sent_again(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The client repeats, after a while of its own."""
    with gateway.widget(project) as widget:
        widget.hello()

        answers = unanswered(widget, worker, a_token(silent=True))

        assert all(answer["retry_after_ms"] > 0 for answer in answers)
        gateway.let_messages_live()
        assert widget.sign_in(a_token())["type"] == "signed_in"
    seen = verifications(worker)
    assert 1 < len(set(seen)) == len(seen) <= len(answers) + 1
    assert gateway.figure('lane_in_flight{task="visitors.verify"}') == 0


@pytest.mark.parametrize("patience", [SHORT_LIVED])
def test_an_outcome_that_comes_too_late_ends_the_socket(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """SQL has ended its device meanwhile, so the widget comes back for a fresh one."""
    with gateway.widget(project) as widget:
        widget.hello()
        worker.hold()
        unanswered(widget, worker, a_token())
        worker.release()

        assert widget.close_reason()[0] == 1013
    wait_until(lambda: not count_by_generation(redis, project))


def test_a_broker_that_does_not_answer_is_unavailable(
    gateway: RunningGateway, project: ProjectId, redis: Redis
) -> None:
    """The request is not held for a queue that cannot take it."""
    with gateway.widget(project) as widget:
        widget.hello()
        redis.config_set("maxmemory", "1")  # noeviction: writes are refused, reads are not
        try:
            answer = widget.sign_in(a_token())
        finally:
            redis.config_set("maxmemory", "0")

        assert answer["code"] == "unavailable"


def test_outcomes_of_one_batch_do_not_depend_on_each_other(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Malformed ones are passed over, foreign ones change nothing, the good one counts."""
    with gateway.widget(project) as widget:
        session = widget.hello()["session"]
        foreign = outcome_to_wire(RefusedRequest("other", session, "key_revoked", "No."))  # type: ignore[arg-type]
        worker.hold()
        widget.say({"type": "sign_in", "id": "1", "token": a_token()})
        until_seen(gateway, worker, 1)
        batch = worker.messages[0]["batch_id"]
        answers: list[object] = [[None], [{}], [{"type": "signed_in"}], "x", [foreign]]
        for bad in answers:
            worker.signal(gateway.node_id, {"type": "outcomes", "batch_id": batch, "outcomes": bad})
        worker.signal(gateway.node_id, {"type": "outcomes"})
        worker.signal(gateway.node_id, {"type": "nonsense"})
        worker.release()

        assert widget.hear()["type"] == "signed_in"


def test_a_proof_is_renewed_or_ends(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """At four fifths the widget is asked, at its end the session goes on unauthenticated."""
    with gateway.widget(project) as widget:
        widget.hello()
        signed_in = widget.sign_in(a_token(proof_seconds=0.5))

        asked = widget.hear()
        ended = widget.hear()

        assert (asked["type"], asked["reason"]) == ("reauthenticate", "proof_expiring")
        assert asked["deadline"] == signed_in["expires_at"]
        visitor = {"id": signed_in["visitor"]["id"], "authenticated": False}
        assert ended == {"type": "visitor", "visitor": visitor}
        wait_until(lambda: count_by_generation(redis, project) == {None: 1})
        assert widget.sign_in(a_token())["type"] == "signed_in"


def test_a_renewed_proof_outlives_the_old_one(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The end of the first proof is nobody's business any more."""
    with gateway.widget(project) as widget:
        widget.hello()

        wait_until(lambda: _renews_in_time(widget), "a proof renewed before its reminder")

        with pytest.raises(TimeoutError):
            widget.hear(timeout=0.6)
        assert widget.is_answering()


def _renews_in_time(widget: Widget) -> bool:
    """Whether the second proof was there before the widget was asked for it."""
    widget.sign_in(a_token(proof_seconds=0.5))
    answer = widget.sign_in(a_token(proof_seconds=3600))
    asked_before = answer["type"] != "signed_in"
    while answer["type"] != "signed_in":
        answer = widget.hear()
    return not asked_before
