"""The lane on an event loop: when messages leave, and that everybody has one answer."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from config.queues import CLOCKS_APART_SECONDS
from domain.ids import ProjectId, RequestId
from domain.outcomes import Outcome, RefusedRequest
from domain.times import to_wire
from gateway.lane_driver import LaneDriver
from gateway.lanes import Lane, LaneBounds, LaneRequest
from tests.waiting import until

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.anyio


class Broker:
    """Takes messages on whatever thread it is called; `fails` makes it refuse them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.threads: set[int] = set()
        self.lives: list[float | None] = []
        self.fails = False

    def __call__(
        self, task: str, payload: Mapping[str, object], *, expires_seconds: float | None = None
    ) -> None:
        """The message is there."""
        self.threads.add(threading.get_ident())
        if self.fails:
            raise ConnectionError
        self.lives.append(expires_seconds)
        self.messages.append({"task": task, **payload})


class Asking:
    """Notes what it is answered."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.breaks = False

    def answered(self, request: LaneRequest, outcome: Outcome) -> None:
        """An outcome."""
        self.answers.append(f"{request.request_id} answered")
        if self.breaks:
            raise RuntimeError(outcome)

    def unanswered(self, request: LaneRequest) -> None:
        """None will come."""
        self.answers.append(f"{request.request_id} unanswered")


MakeDriver = Callable[..., LaneDriver]


@pytest.fixture
def broker() -> Broker:
    """Answers at once."""
    return Broker()


@pytest.fixture
async def make_driver(broker: Broker) -> AsyncIterator[MakeDriver]:
    """Makes a driver with these bounds, over the broker."""
    executor = ThreadPoolExecutor(2)
    numbers = count(1)
    drivers = []

    def make(expires_seconds: float = 60.0, **bounds: Any) -> LaneDriver:
        lane = Lane(LaneBounds(expires_seconds=expires_seconds, **bounds))
        driver = LaneDriver(
            lane, "task", broker, executor, lambda: f"b{next(numbers)}", lambda: NOW
        )
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        driver.stop()
    executor.shutdown()


def request_of(asker: Asking, number: int) -> LaneRequest:
    """A request of this asker's."""
    return LaneRequest(RequestId(f"r{number}"), ProjectId("p"), {"n": number}, asker)


def refusals(*numbers: int) -> list[Outcome]:
    """Outcomes for these requests."""
    return [RefusedRequest(RequestId(f"r{number}"), None, "code", "No.") for number in numbers]


async def test_what_arrives_in_one_turn_leaves_in_one_message(
    make_driver: MakeDriver, broker: Broker
) -> None:
    """With a deadline, a life of its own, and never from the loop's thread."""
    driver, asker = make_driver(expires_seconds=5.0), Asking()
    for number in (1, 2, 3):
        assert driver.submit(request_of(asker, number))

    await until(lambda: bool(broker.messages))

    (message,) = broker.messages
    assert message["task"] == "task"
    assert message["batch_id"] == "b1"
    assert message["deadline"] == to_wire(NOW + timedelta(seconds=5))
    assert [request["n"] for request in message["requests"]] == [1, 2, 3]
    assert threading.get_ident() not in broker.threads
    assert broker.lives == [5.0 + CLOCKS_APART_SECONDS]


async def test_outcomes_let_the_next_message_leave(make_driver: MakeDriver, broker: Broker) -> None:
    """Two are in flight; the rest waits for an answer, not for time."""
    driver, asker = make_driver(credits=2, max_batch=1), Asking()
    for number in (1, 2, 3):
        driver.submit(request_of(asker, number))
    await until(lambda: len(broker.messages) == 2)
    assert driver.lane.waiting == 1

    first = broker.messages[0]
    assert driver.settle(first["batch_id"], refusals(first["requests"][0]["n"])) == []

    await until(lambda: len(broker.messages) == 3)
    assert len(asker.answers) == 1


async def test_an_outcome_that_nobody_waits_for_comes_back(
    make_driver: MakeDriver, broker: Broker
) -> None:
    """Of another message, of a request answered before, or of none."""
    driver, asker = make_driver(), Asking()
    driver.submit(request_of(asker, 1))
    await until(lambda: bool(broker.messages))

    assert len(driver.settle("other", refusals(1))) == 1
    assert len(driver.settle("b1", refusals(1, 1, 2))) == 2
    assert asker.answers == ["r1 answered"]


async def test_a_message_that_nobody_answers_is_given_up(
    make_driver: MakeDriver, broker: Broker
) -> None:
    """Its credit is back, its requests are unanswered, and nothing is sent twice."""
    driver, asker = make_driver(credits=1, max_batch=1, expires_seconds=0.05), Asking()
    driver.submit(request_of(asker, 1))
    driver.submit(request_of(asker, 2))

    await until(lambda: len(asker.answers) == 2)
    await until(lambda: len(broker.messages) == 2)  # which another thread sends

    assert asker.answers == ["r1 unanswered", "r2 unanswered"]
    assert [message["requests"][0]["n"] for message in broker.messages] == [1, 2]
    assert driver.settle("b1", refusals(1)) == refusals(1)
    assert driver.lane.credits == 1


async def test_a_broker_that_refuses_leaves_nobody_waiting(
    make_driver: MakeDriver, broker: Broker
) -> None:
    """Credit back, unanswered at once; the next message is tried."""
    broker.fails = True
    driver, asker = make_driver(credits=1), Asking()
    driver.submit(request_of(asker, 1))
    await until(lambda: asker.answers == ["r1 unanswered"])

    broker.fails = False
    driver.submit(request_of(asker, 2))

    await until(lambda: len(broker.messages) == 1)


async def test_one_asker_that_fails_takes_nobodys_answer(
    make_driver: MakeDriver, broker: Broker
) -> None:
    """The others of its batch have theirs."""
    driver, broken, sound = make_driver(), Asking(), Asking()
    broken.breaks = True
    driver.submit(request_of(broken, 1))
    driver.submit(request_of(sound, 2))
    await until(lambda: bool(broker.messages))

    driver.settle("b1", refusals(1, 2))

    assert sound.answers == ["r2 answered"]


async def test_a_stopped_lane_takes_nothing(make_driver: MakeDriver, broker: Broker) -> None:
    """Neither new requests nor those that waited leave any more."""
    driver, asker = make_driver(), Asking()
    driver.submit(request_of(asker, 1))
    driver.stop()

    assert not driver.submit(request_of(asker, 2))
    await asyncio.sleep(0)
    assert broker.messages == []
