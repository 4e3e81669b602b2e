"""Load on whatever answers requests: as much as it takes, or so much a second."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

LONGEST_WAIT_SECONDS = 0.25
DRAIN_SECONDS = 5.0


class Requests(Protocol):
    """Numbered clients, each with at most one request under way."""

    def send(self, number: int) -> None:
        """This client's request is on its way."""

    def receive(self, timeout: float) -> Iterable[tuple[int, float]]:
        """Whose requests were answered within the timeout, and after how many seconds."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Requests answered a second, and how busy each process was: its share of a core."""

    per_second: float
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds from sending to the answer; how many a second were asked for; those never answered.

    `late` is how long after its time the client sent a request, in the worst of a hundred cases.
    """

    asked_per_second: float
    seconds: list[float]
    unanswered: int
    late: float


def closed_loop(
    requests: Requests,
    clients: int,
    warm_seconds: float,
    seconds: float,
    cpu_seconds: Mapping[str, Callable[[], float]],
) -> Throughput:
    """Every client asks again as soon as it is answered; what comes in after warming up counts.

    Args:
        requests: the clients.
        clients: how many of them.
        warm_seconds: before it counts.
        seconds: how long it counts.
        cpu_seconds: processes by name, and what tells the processor time each has used.
    """
    for number in range(clients):
        requests.send(number)
    _answer_with_requests(requests, warm_seconds)
    used = {name: read() for name, read in cpu_seconds.items()}
    began = time.monotonic()
    answered = _answer_with_requests(requests, seconds)
    took = time.monotonic() - began
    shares = {name: (read() - used[name]) / took for name, read in cpu_seconds.items()}
    _drain(requests, clients)
    return Throughput(answered / took, shares)


def open_loop(
    requests: Requests, clients: int, per_second: float, seconds: float, seed: int
) -> Latencies:
    """Requests leave at random times, so many a second on average, answered or not.

    A client that still waits is passed over; where none is free, the request counts as unanswered.
    """
    times = random.Random(seed)
    idle = deque(range(clients))
    latencies: list[float] = []
    late: list[float] = []
    unsent = 0
    now = began = time.monotonic()
    due = began + times.expovariate(per_second)
    while now < began + seconds:
        while due <= now:
            if idle:
                late.append(now - due)
                requests.send(idle.popleft())
            else:
                unsent += 1
            due += times.expovariate(per_second)
        for number, latency in requests.receive(min(LONGEST_WAIT_SECONDS, due - now)):
            idle.append(number)
            latencies.append(latency)
        now = time.monotonic()
    waiting = clients - len(idle)
    drained = list(_drain(requests, waiting))
    unanswered = unsent + waiting - len(drained)
    latencies += drained
    late.sort()
    return Latencies(per_second, latencies, unanswered, late[int(len(late) * 0.99)])


def _answer_with_requests(requests: Requests, seconds: float) -> int:
    answered = 0
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for number, _ in requests.receive(min(LONGEST_WAIT_SECONDS, left)):
            requests.send(number)
            answered += 1
    return answered


def _drain(requests: Requests, waiting: int) -> list[float]:
    """How long those that were still under way took; not all of them where time ran out."""
    latencies: list[float] = []
    end = time.monotonic() + DRAIN_SECONDS
    while len(latencies) < waiting and time.monotonic() < end:
        latencies += [latency for _, latency in requests.receive(LONGEST_WAIT_SECONDS)]
    return latencies
