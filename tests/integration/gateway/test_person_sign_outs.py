"""Persons signed out everywhere: closed at once by a signal, at the next sweep without one."""

import uuid

import pytest

from domain.ids import ProjectId, VisitorId
from storage.redis import persons
from storage.redis.client import Redis
from storage.redis.persons import MERGE_UNDONE, SIGNED_OUT, PersonEpoch
from storage.redis.sessions import list_sessions
from tests.integration.gateway.running import Frame, RunningGateway
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.integration.gateway.test_messages import HEARD, an_answer
from tests.waiting import wait_until

ADA = VisitorId(str(uuid.uuid5(uuid.NAMESPACE_OID, "ada")))


def a_sign_out(project: ProjectId, epoch: int = 1, reason: str = SIGNED_OUT) -> Frame:
    """The signal."""
    return {
        "type": "sign_out",
        "project_id": project,
        "visitor_id": ADA,
        "epoch": epoch,
        "reason": reason,
    }


@pytest.mark.parametrize("reason", [SIGNED_OUT, MERGE_UNDONE])
def test_the_persons_sockets_are_closed_and_no_others(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis, reason: str
) -> None:
    """With 4403 and why; nothing of them is left in Redis."""
    with gateway.widget(project) as ada, gateway.widget(project) as eve:
        ada.hello()
        stays = eve.hello()["session"]
        ada.sign_in(a_token("ada"))
        eve.sign_in(a_token("eve"))

        worker.signal(gateway.node_id, a_sign_out(project, reason=reason))

        code, told = ada.close_reason()
        assert (code, told["code"]) == (4403, reason)
        assert told["retry_after_ms"] > 0
        assert eve.is_answering()
        wait_until(lambda: [s.session_id for s in list_sessions(redis, project)] == [stays])


def test_a_session_without_its_proof_is_closed_too(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """It still speaks as the person."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.sign_in(a_token("ada", proof_seconds=0.5))
        assert [widget.hear()["type"] for _ in range(2)] == ["reauthenticate", "visitor"]
        worker.signal(gateway.node_id, a_sign_out(project))
        assert widget.close_reason()[0] == 4403


@pytest.mark.parametrize("reason", [SIGNED_OUT, MERGE_UNDONE])
def test_a_lost_signal_is_made_good_by_the_sweep(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis, reason: str
) -> None:
    """The node compares the persons it holds, also after it did so before."""
    other = PersonEpoch(VisitorId(str(uuid.uuid4())), 1, SIGNED_OUT)
    with gateway.widget(project) as widget, gateway.widget(project) as stranger:
        widget.hello()
        stranger.hello()
        widget.sign_in(a_token("ada"))
        stranger.sign_in(a_token("eve"))
        persons.raise_persons(redis, project, [other])
        assert widget.is_answering()

        persons.raise_persons(redis, project, [PersonEpoch(ADA, 1, reason)])

        code, told = widget.close_reason()
        assert (code, told["code"]) == (4403, reason)
        assert stranger.is_answering()


def test_a_verification_of_before_binds_no_more(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """The outcome was on its way when the person was signed out."""
    with gateway.widget(project) as widget:
        widget.hello()
        worker.hold()
        widget.say({"type": "sign_in", "id": "1", "token": a_token("ada")})
        wait_until(lambda: len(worker.messages) == 1)
        persons.raise_persons(redis, project, [PersonEpoch(ADA, 1, SIGNED_OUT)])
        worker.release()
        code, told = widget.close_reason()
    assert (code, told["code"]) == (4403, SIGNED_OUT)


@pytest.mark.parametrize(
    "broken",
    [
        {"epoch": "1"},
        {"visitor_id": 1},
        {"reason": None},
        {"project_id": None},
        {"type": "message"},
        {"type": "visitor"},
    ],
)
def test_a_signal_of_another_form_does_no_harm(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, broken: Frame
) -> None:
    """It is passed over: the next one finds the person where they were."""
    with gateway.widget(project) as widget:
        widget.hello()
        widget.sign_in(a_token("ada"))
        worker.signal(gateway.node_id, a_sign_out(project) | broken)
        worker.signal(gateway.node_id, an_answer(ADA, is_person=True, project=project))
        assert widget.hear() == HEARD
