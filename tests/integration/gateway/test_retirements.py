"""A secret retires: its sessions are asked for a fresh token and move without a disconnect."""

import time
from contextlib import ExitStack

import pytest

from domain.ids import ProjectId
from storage.redis.client import Redis
from storage.redis.sessions import count_by_generation
from tests.integration.gateway.conftest import Publish
from tests.integration.gateway.running import RunningGateway
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.integration.gateway.test_revocations import Revoking, assert_revoked, signed_in

DEADLINE = "2126-11-22T02:00:00.000Z"
ASKED = {"type": "reauthenticate", "reason": "secret_retiring", "deadline": DEADLINE}


def retire(
    worker: ScriptedWorker, gateway: RunningGateway, project: ProjectId, **told: object
) -> None:
    """The node is told that generation 1 retires."""
    signal = {
        "type": "retiring",
        "project_id": project,
        "generation": 1,
        "deadline": DEADLINE,
        "spread_seconds": 0.2,
        **told,
    }
    worker.signal(gateway.node_id, signal)


def test_only_sessions_of_the_retiring_secret_are_asked(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker
) -> None:
    """Not those of the newer one, anonymous ones or another project's."""
    project, other = a_project(), a_project()
    with ExitStack() as stack:
        old, newer, anonymous, elsewhere = (
            stack.enter_context(gateway.widget(at)) for at in (project, project, project, other)
        )
        signed_in(old)
        signed_in(newer, "bob", 2)
        anonymous.hello()
        signed_in(elsewhere)

        retire(worker, gateway, project)

        assert old.hear() == ASKED
        assert all(widget.is_answering() for widget in (old, newer, anonymous, elsewhere))


def test_who_signs_in_anew_stays_and_the_rest_are_closed(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """The same socket moves to the newer secret; at the cut only the other is disconnected."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as mover, gateway.widget(project) as stayer:
        signed_in(mover)
        signed_in(stayer, "bob")
        retire(worker, gateway, project)
        assert mover.hear() == stayer.hear() == ASKED

        assert mover.sign_in(a_token("ada", 2), "2")["type"] == "signed_in"

        assert count_by_generation(redis, project) == {1: 1, 2: 1}
        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)
        assert_revoked(stayer)
        assert mover.is_answering()
        revoking.wait_for_closed(project, 1)


def test_the_asking_is_spread(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """Over the period: of six who share six hundred seconds one is asked now."""
    with ExitStack() as stack:
        widgets = [stack.enter_context(gateway.widget(project)) for _ in range(6)]
        for number, widget in enumerate(widgets):
            signed_in(widget, f"person-{number}")

        began = time.monotonic()
        retire(worker, gateway, project, spread_seconds=1.2)

        for widget in widgets:
            assert widget.hear() == ASKED
        assert 0.9 < time.monotonic() - began < 5
        retire(worker, gateway, project, spread_seconds=600)
        first = next(widget for widget in widgets if _is_asked(widget))
        rest = [widget for widget in widgets if widget is not first]
        assert all(widget.is_answering() for widget in rest)


def test_who_has_moved_by_their_turn_is_not_asked(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The second of two would be asked after half the period."""
    with ExitStack() as stack:
        widgets = {who: stack.enter_context(gateway.widget(project)) for who in ("ada", "bob")}
        for who, widget in widgets.items():
            signed_in(widget, who)
        retire(worker, gateway, project, spread_seconds=4)
        first = next(who for who, widget in widgets.items() if _is_asked(widget))
        [(second, widget)] = [pair for pair in widgets.items() if pair[0] != first]

        assert widget.sign_in(a_token(second, 2), "2")["type"] == "signed_in"

        with pytest.raises(TimeoutError):
            widget.hear(3)
        assert widget.is_answering()


def test_malformed_signal_is_passed_over(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The next one counts."""
    with gateway.widget(project) as widget:
        signed_in(widget)
        for wrong in (
            {"generation": "1"},
            {"deadline": "soon"},
            {"spread_seconds": "1"},
            {"spread_seconds": float("nan")},
            {"project_id": 5},
        ):
            retire(worker, gateway, project, **wrong)

        retire(worker, gateway, project)

        assert widget.hear() == ASKED


def _is_asked(widget: object) -> bool:
    try:
        return widget.hear(0.3) == ASKED  # type: ignore[attr-defined, no-any-return]
    except TimeoutError:
        return False
