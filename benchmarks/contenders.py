"""Who verifies: widget-auth, on one database with a Redis of its own. Its peers: queue_peers."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from benchmarks.children import Children
from benchmarks.fleet import Fleet, FleetFailed
from benchmarks.load import Latencies, Requests, Throughput
from benchmarks.servers import start_redis
from benchmarks.system import System, mint, socket_path
from config.queues import VERIFICATION

SOCKETS = 1_000


class SocketRequests:
    """Sign-ins over the sockets of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._widgets = list(fleet.widgets.values())
        self._number_of = {widget.fd: n for n, widget in enumerate(self._widgets)}

    def send(self, number: int) -> None:
        """This socket's token is on its way."""
        self._widgets[number].present_token()

    def receive(self, timeout: float) -> Iterable[tuple[int, float]]:
        """Whose tokens were accepted within the timeout, and after how many seconds.

        Raises:
            FleetFailed: one was not.
        """
        for widget, _, payload in self._fleet.frames(timeout):
            if not payload.startswith(b'{"type":"signed_in"'):
                message = f"not signed in: {payload[:200]!r}"
                raise FleetFailed(message)
            yield self._number_of[widget.fd], time.monotonic() - widget.sent_at


@dataclass
class Contender:
    """One of them, and its figures, which gather over the rounds.

    `requests` opens `clients` clients for one turn; `cpu_seconds` tells the processor time that
    its processes have used, by name; `setting` says how its worker runs.
    """

    name: str
    setting: str
    requests: Callable[[], AbstractContextManager[Requests]]
    clients: int
    cpu_seconds: dict[str, Callable[[], float]]
    throughputs: list[Throughput] = field(default_factory=list)
    latencies: dict[int, list[Latencies]] = field(default_factory=dict)


def start_ours(children: Children, name: str, database_url: str) -> Contender:
    """One gateway node and one verification worker process."""
    redis, redis_port = start_redis(children, f"{name}-redis")
    system = System(children, name, database_url, redis_port)
    project_id = system.add_project()
    secret = system.regenerate(project_id).secret
    [worker] = system.start_workers(VERIFICATION)
    [gateway] = system.start_gateways(1)

    @contextmanager
    def requests() -> Iterator[Requests]:
        with Fleet(gateway.port, socket_path(project_id)) as fleet:
            fleet.open(SOCKETS)
            for number, widget in enumerate(fleet.widgets.values()):
                widget.take_token(mint(secret, f"{name}-{number}"))
            fleet.sign_in()
            yield SocketRequests(fleet)

    cpu_seconds = {
        "client": time.process_time,
        "gateway": gateway.child.cpu_seconds,
        "worker": worker.cpu_seconds,
        "Redis": redis.cpu_seconds,
    }
    return Contender("widget-auth", "1 process, 1 thread", requests, SOCKETS, cpu_seconds)
