"""Self-clocked batching: outcomes are the clock that lets the next message leave.

A lane has a fixed number of credits; a message to the workers takes one, its outcomes (or its
expiry) bring it back. What arrives meanwhile waits, per project, and forms the next message. So an
idle lane adds no delay, a busy one pays the cost of a message once for many requests, and slow
workers make batches grow instead of a queue. A request is handed out once and never again.

`Lane` is a state machine without I/O: times come in as monotonic seconds, ids as arguments.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.ids import ProjectId, RequestId
from domain.outcomes import Outcome


class Asker(Protocol):
    """Whoever waits for a request's answer; exactly one of the two is called, once."""

    def answered(self, request: "LaneRequest", outcome: Outcome) -> None:
        """A worker's outcome has come for the request."""

    def unanswered(self, request: "LaneRequest") -> None:
        """No outcome will be waited for any more; the request may have been carried out or not."""


@dataclass(slots=True, eq=False)
class LaneRequest:
    """One request as it goes into a message, and who asks."""

    request_id: RequestId
    project_id: ProjectId
    wire: Mapping[str, object]
    asker: Asker


@dataclass(slots=True, eq=False)
class Batch:
    """A message in flight: its unanswered requests, and when it is given up (monotonic seconds)."""

    batch_id: str
    requests: dict[RequestId, LaneRequest]
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneBounds:
    """How much may be in flight and how much may wait. `expires_seconds` is a message's life."""

    credits: int = 2
    max_batch: int = 128
    max_projects: int = 16
    max_waiting_per_project: int = 2_000
    max_waiting: int = 20_000
    expires_seconds: float = 5.0


class Lane:
    """Requests waiting and in flight for one task; fair between projects, bounded everywhere."""

    def __init__(self, bounds: LaneBounds | None = None) -> None:
        self.bounds = bounds or LaneBounds()
        self.waiting = 0
        self._rounds: OrderedDict[ProjectId, OrderedDict[RequestId, LaneRequest]] = OrderedDict()
        self._in_flight: dict[str, Batch] = {}

    @property
    def credits(self) -> int:
        """How many messages may leave now."""
        return self.bounds.credits - len(self._in_flight)

    @property
    def in_flight(self) -> int:
        """How many messages are on their way or being worked on."""
        return len(self._in_flight)

    @property
    def next_expiry(self) -> float | None:
        """When the oldest message in flight is given up."""
        return min((batch.expires_at for batch in self._in_flight.values()), default=None)

    def offer(self, request: LaneRequest) -> bool:
        """Whether the request waits now; False where a bound, project's or node's, is reached."""
        if self.waiting >= self.bounds.max_waiting:
            return False
        queue = self._rounds.get(request.project_id)
        if queue is None:
            queue = self._rounds[request.project_id] = OrderedDict()
        elif len(queue) >= self.bounds.max_waiting_per_project:
            return False
        queue[request.request_id] = request
        self.waiting += 1
        return True

    def withdraw(self, request: LaneRequest) -> bool:
        """Whether the request was still waiting; it has left the lane and nobody will answer it."""
        queue = self._rounds.get(request.project_id)
        if queue is None or queue.pop(request.request_id, None) is None:
            return False
        self.waiting -= 1
        if not queue:
            del self._rounds[request.project_id]
        return True

    @property
    def has_batch(self) -> bool:
        """Whether somebody waits and a message may leave."""
        return bool(self._rounds) and self.credits > 0

    def form_batch(self, now: float, batch_id: str) -> Batch | None:
        """The next message, which takes a credit; None without a credit or without requests."""
        if not self.has_batch:
            return None
        requests = self._take_round_robin()
        batch = Batch(batch_id, requests, now + self.bounds.expires_seconds)
        self._in_flight[batch_id] = batch
        return batch

    def _take_round_robin(self) -> dict[RequestId, LaneRequest]:
        """One request of each project in turn; projects left with some go to the end."""
        chosen = self._first_projects()
        taken: dict[RequestId, LaneRequest] = {}
        turn = list(chosen)
        while turn and len(taken) < self.bounds.max_batch:
            for project_id in turn[: self.bounds.max_batch - len(taken)]:
                request_id, request = chosen[project_id].popitem(last=False)
                taken[request_id] = request
            turn = [project_id for project_id in turn if chosen[project_id]]
        self.waiting -= len(taken)
        for project_id in turn:
            self._rounds[project_id] = chosen[project_id]
        return taken

    def _first_projects(self) -> dict[ProjectId, OrderedDict[RequestId, LaneRequest]]:
        count = min(self.bounds.max_projects, self.bounds.max_batch, len(self._rounds))
        return dict(self._rounds.popitem(last=False) for _ in range(count))

    def settle(self, batch_id: str, request_id: RequestId) -> LaneRequest | None:
        """The request, which is answered now; with the last of a message its credit is back.

        None if it is not in flight: answered before, given up, or never sent.
        """
        batch = self._in_flight.get(batch_id)
        if batch is None:
            return None
        request = batch.requests.pop(request_id, None)
        if not batch.requests:
            del self._in_flight[batch_id]
        return request

    def give_up(self, batch_id: str) -> list[LaneRequest]:
        """The requests of a message that could not be sent; its credit is back."""
        batch = self._in_flight.pop(batch_id, None)
        return list(batch.requests.values()) if batch else []

    def expire(self, now: float) -> list[LaneRequest]:
        """The unanswered requests of every message past its life; those credits are back."""
        late = [batch.batch_id for batch in self._in_flight.values() if batch.expires_at <= now]
        return [request for batch_id in late for request in self.give_up(batch_id)]
