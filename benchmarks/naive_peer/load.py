"""Requests for the peers, sent straight into their queues: they are spared a gateway."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from redis import Redis

from benchmarks.naive_peer.names import RESULTS
from domain.ids import ProjectId

Job = tuple[int, ProjectId, str, str]
"""The arguments of a job: number of the request, project, device, token."""


@dataclass(slots=True)
class Person:
    """Somebody who signs in again and again. `device` changes with every sign-in."""

    token: str
    device: str
    sent_at: float = 0.0


class JobRequests:
    """Sends requests and hears their results, on one thread."""

    def __init__(
        self,
        redis_url: str,
        project_id: ProjectId,
        people: Sequence[Person],
        enqueue: Callable[[Job], object],
    ) -> None:
        self.people = people
        self._project_id = project_id
        self._enqueue = enqueue
        self._client = Redis.from_url(redis_url)
        self._results = self._client.pubsub(ignore_subscribe_messages=True)
        self._results.subscribe(RESULTS)

    def close(self) -> None:
        """No connection is open."""
        self._results.close()
        self._client.close()

    def send(self, number: int) -> None:
        """This person's request is in the queue, or on its way there."""
        person = self.people[number]
        person.sent_at = time.monotonic()
        self._enqueue((number, self._project_id, person.device, person.token))

    def receive(self, timeout: float) -> Iterable[tuple[int, float]]:
        """Whose results came within the timeout (seconds), and after how many seconds."""
        message = self._results.get_message(timeout=timeout)
        while message is not None:
            result = json.loads(message["data"])
            person = self.people[result["request_id"]]
            person.device = result["device"]
            yield result["request_id"], time.monotonic() - person.sent_at
            message = self._results.get_message(timeout=0)
