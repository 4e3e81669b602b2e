"""A flood of verifications in the queue, each a message as a gateway node makes it."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import redis

from config.celery_app import make_celery
from config.publisher import Publisher
from config.queues import VERIFICATION, VISITORS_VERIFY
from config.settings import WorkerSettings
from domain.device_ids import DeviceIds
from domain.ids import UUID7_RANDOM_BYTES, ProjectId, RequestId, uuid7_at
from domain.queue_sealing import SALT_BYTES, TokenSealer
from domain.times import to_wire
from tests.acceptance.sites import Site

REQUESTS_IN_A_MESSAGE = 128
NOBODY = "flooding-node"
"""The node that is answered: none, so the workers' answers are heard by nobody."""


@dataclass
class Flood:
    """Fills the broker's queue. A deadline is left out, so that no request is dropped as late.

    Args:
        sites: whose tokens they are, in turn.

    Attributes:
        messages: how many were sent so far.
    """

    settings: WorkerSettings
    sites: Sequence[Site]
    messages: int = 0
    _people: int = 0
    _publisher: Publisher = field(init=False)
    _broker: "redis.Redis" = field(init=False)
    _sealer: TokenSealer = field(init=False)
    _device_ids: DeviceIds = field(init=False)

    def __post_init__(self) -> None:
        self._publisher = Publisher(make_celery(self.settings.broker_url))
        self._broker = redis.Redis.from_url(self.settings.broker_url)
        self._sealer = TokenSealer(self.settings.queue_keys, os.urandom(SALT_BYTES))
        self._device_ids = DeviceIds(self.settings.device_keys)

    def queue(self, requests: int) -> None:
        """So many more requests lie in the queue, each of another person."""
        for start in range(0, requests, REQUESTS_IN_A_MESSAGE):
            count = min(REQUESTS_IN_A_MESSAGE, requests - start)
            batch = {"batch_id": f"flood-{self._people}", "requests": list(self._requests(count))}
            self._publisher(VISITORS_VERIFY, batch)
            self.messages += 1

    @property
    def waiting(self) -> int:
        """How many messages no worker has taken yet."""
        return int(self._broker.llen(VERIFICATION))

    def dry_up(self) -> None:
        """What no worker has taken is gone, and so are the connections."""
        self._broker.delete(VERIFICATION)
        self._publisher.close()
        self._broker.close()

    def _requests(self, count: int) -> Iterator[dict[str, object]]:
        for _ in range(count):
            self._people += 1
            now = datetime.now(UTC)
            site = self.sites[self._people % len(self.sites)]
            request_id, project_id = RequestId(_new_id()), ProjectId(site.project_id)
            token = site.token(f"flood-{self._people}", lifetime=600)
            yield {
                "request_id": request_id,
                "project_id": project_id,
                "session_id": _new_id(),
                "device_id": self._device_ids.issue(project_id, now, os.urandom(16)),
                "node_id": NOBODY,
                "token": self._sealer.seal(token, request_id, project_id),
                "received_at": to_wire(now),
            }


def _new_id() -> str:
    return uuid7_at(time.time_ns() // 1_000_000, os.urandom(UUID7_RANDOM_BYTES))
