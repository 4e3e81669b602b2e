"""A secret retires: its sessions are asked for a fresh token and move without a disconnect."""

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import pytest

from domain.ids import ProjectId
from storage.redis.client import Redis
from storage.redis.sessions import count_by_generation
from tests.integration.gateway.conftest import Publish
from tests.integration.gateway.running import RunningGateway, Widget
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.integration.gateway.test_revocations import Revoking, assert_revoked, signed_in
from tests.waiting import wait_until

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
    """Over the period: of six who share six thousand seconds one is asked now."""
    with ExitStack() as stack:
        widgets = [stack.enter_context(gateway.widget(project)) for _ in range(6)]
        for number, widget in enumerate(widgets):
            signed_in(widget, f"person-{number}")

        began = time.monotonic()
        retire(worker, gateway, project, spread_seconds=1.2)

        for widget in widgets:
            assert widget.hear() == ASKED
        assert time.monotonic() - began > 0.9
        retire(worker, gateway, project, spread_seconds=6_000)
        first = _first_asked(widgets)
        assert all(widget.is_answering() for widget in widgets if widget is not first)


def test_who_has_moved_by_their_turn_is_not_asked(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """The second of two would be asked after half the period; on a slow machine that is longer."""
    spreads = iter((1, 4, 16))

    def has_moved_in_time() -> bool:
        spread = next(spreads)
        with ExitStack() as stack:
            widgets = [stack.enter_context(gateway.widget(project)) for _ in range(2)]
            for widget in widgets:
                signed_in(widget)
            retire(worker, gateway, project, spread_seconds=spread)
            first = _first_asked(widgets)
            [second] = [widget for widget in widgets if widget is not first]
            if second.sign_in(a_token(generation=2), "2") == ASKED:
                return False
            with pytest.raises(TimeoutError):
                second.hear(spread / 2 + 0.1)
            assert second.is_answering()
            return True

    wait_until(has_moved_in_time)


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


def _first_asked(widgets: Sequence[Widget]) -> Widget:
    """The one of them that is asked first."""
    asked: list[Widget] = []

    def is_one_asked() -> bool:
        for widget in widgets:
            with suppress(TimeoutError):
                assert widget.hear(0.02) == ASKED
                asked.append(widget)
                return True
        return False

    wait_until(is_one_asked, "one who is asked")
    return asked[0]
