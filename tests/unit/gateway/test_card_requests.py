"""Requests for cards on their way to the broker: held projects first, none for ever."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

from domain.ids import ProjectId
from gateway import card_requests
from gateway.card_requests import CardRequests


class Thread(Executor):
    """Does what it was given when it is told to."""

    def __init__(self) -> None:
        self._given: list[Callable[[], object]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """To be done later."""
        self._given.append(lambda: fn(*args, **kwargs))
        return Future()

    def work(self) -> None:
        """All that was given is done."""
        while self._given:
            self._given.pop(0)()


class Broker:
    """Keeps what is sent, unless it is broken."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.tried = 0
        self.is_broken = False

    def __call__(
        self, task: str, payload: Mapping[str, object], *, expires_seconds: float | None = None
    ) -> None:
        """One message."""
        assert (task, expires_seconds) == ("projects.publish", 5.0)
        self.tried += 1
        if self.is_broken:
            raise TimeoutError
        self.sent.append(payload["project_id"])


def test_held_projects_come_first_and_have_room_of_their_own() -> None:
    """A flood of others is bounded and keeps none of them waiting; each is sent once."""
    broker, thread = Broker(), Thread()
    requests = CardRequests(broker, thread)
    for number in range(1_000):
        requests.ask(ProjectId(f"made-up-{number}"), is_held=False)
    for number in [*range(200), *range(200)]:
        requests.ask(ProjectId(f"held-{number}"), is_held=True)

    thread.work()

    assert broker.sent[:200] == [f"held-{number}" for number in range(200)]
    assert len(broker.sent) == 200 + card_requests.MAX_UNHELD


def test_a_broker_that_does_not_answer_is_asked_once_not_for_each() -> None:
    """What waited is forgotten, so that nobody waits behind it when the broker is back."""
    broker, thread = Broker(), Thread()
    requests = CardRequests(broker, thread)
    broker.is_broken = True
    for number in range(200):
        requests.ask(ProjectId(str(number)), is_held=True)
    thread.work()
    assert broker.tried == 1

    broker.is_broken = False
    requests.ask(ProjectId("again"), is_held=True)
    thread.work()

    assert broker.sent == ["again"]
