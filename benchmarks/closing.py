"""Closing every socket of a revoked secret on one node, beside a bare epoll server.

Both serve as many sockets to the same client. What closes ours is a real regenerate: SQL, queue,
revocation worker, signal, node. Connecting counts with the record in Redis and the welcome; the
bare server only upgrades.
"""

import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.administrator import Administrator
from benchmarks.bare_server import TRIGGER
from benchmarks.children import Children
from benchmarks.figures import median, milliseconds, per_second, ratio, spread
from benchmarks.fleet import Fleet, FleetFailed
from benchmarks.report import Budget, Report, Table
from benchmarks.servers import some_database, start_redis
from benchmarks.system import Gateway, System, mint, socket_path
from cli.development.ports import LOOPBACK, free_port
from config.queues import MAINTENANCE, REVOCATION, VERIFICATION
from domain.ids import NodeId, RotationId
from domain.rotations import Rotation
from services.read_rotations import read_rotation
from storage.redis import keys, leases

SOCKETS = 10_000
ROUNDS = 5
SECRET_REVOKED = 4401
SETTLING_SECONDS = 0.5
RECEIPT_SECONDS = 20.0

TIMES_BARE = 1.5
CONNECTS_PER_SECOND = 4_000
MEMORY_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Ours:
    """One run. Times in seconds since the call to regenerate; memory in bytes a socket."""

    connects_per_second: float
    sign_ins_per_second: float
    idle_memory: float
    signed_in_memory: float
    answered: float
    signalled: float
    first_closed: float
    last_closed: float

    @property
    def closing(self) -> float:
        """From the signal to the node until the last client has read its close frame."""
        return self.last_closed - self.signalled


@dataclass(frozen=True, slots=True)
class Bare:
    """One run of the bare server. `closing` in seconds since it was told to."""

    connects_per_second: float
    closing: float


class Node:
    """A system whose project's sockets are all closed, again and again."""

    def __init__(self, children: Children, database_url: str) -> None:
        _, self._redis_port = start_redis(children, "redis")
        self._system = System(children, "ours", database_url, self._redis_port)
        self._project_id = self._system.add_project()
        self._secret = self._system.regenerate(self._project_id).secret
        self._system.start_workers(VERIFICATION, REVOCATION, MAINTENANCE)
        self._system.start_beat()
        self._administrator = Administrator(children, self._system.environment)

    def measure(self) -> Ours:
        """One run on a node just started.

        Raises:
            FleetFailed: not every socket was closed as it should be, or the receipt differs.
        """
        [gateway] = self._system.start_gateways(1)
        try:
            with Fleet(gateway.port, socket_path(self._project_id)) as fleet:
                return self._fill_and_close(gateway, fleet)
        finally:
            gateway.child.stop()

    def _fill_and_close(self, gateway: Gateway, fleet: Fleet) -> Ours:
        empty = gateway.child.own_memory_bytes()
        connecting = fleet.open(SOCKETS)
        time.sleep(SETTLING_SECONDS)
        idle = gateway.child.own_memory_bytes()
        for number, widget in enumerate(fleet.widgets.values()):
            widget.take_token(mint(self._secret, f"person-{number}"))
        signing_in = fleet.sign_in()
        time.sleep(SETTLING_SECONDS)
        signed_in = gateway.child.own_memory_bytes()
        with self._overhear() as signals:
            self._administrator.ask(self._project_id)
            closes = fleet.until_closed(SECRET_REVOKED, signals)
        regenerated = self._administrator.answer()
        self._secret = regenerated.secret
        self._require_receipt(regenerated.rotation_id)
        called = regenerated.called_at
        return Ours(
            connects_per_second=SOCKETS / connecting,
            sign_ins_per_second=SOCKETS / signing_in,
            idle_memory=(idle - empty) / SOCKETS,
            signed_in_memory=(signed_in - empty) / SOCKETS,
            answered=regenerated.answered_at - called,
            signalled=closes.overheard_at - called,
            first_closed=min(closes.times) - called,
            last_closed=max(closes.times) - called,
        )

    def _overhear(self) -> socket.socket:
        """A socket that hears what the one living node is signalled, as soon as that itself."""
        nodes = leases.list_nodes(self._system.stores.redis)
        [living] = [node for node, is_alive in nodes.items() if is_alive]
        listener = socket.create_connection((LOOPBACK, self._redis_port))
        listener.sendall(f"SUBSCRIBE {keys.signals(NodeId(living))}\r\n".encode())
        listener.recv(1024)
        return listener

    def _require_receipt(self, rotation_id: RotationId) -> None:
        deadline = time.monotonic() + RECEIPT_SECONDS
        rotation = self._rotation(rotation_id)
        while rotation.completed_at is None and time.monotonic() < deadline:
            time.sleep(0.05)
            rotation = self._rotation(rotation_id)
        if rotation.sessions.closed != SOCKETS:
            message = f"the receipt counts {rotation.sessions.closed} closed sockets"
            raise FleetFailed(message)

    def _rotation(self, rotation_id: RotationId) -> Rotation:
        with self._system.stores.database.reading() as db:
            return read_rotation(db, self._project_id, rotation_id).rotation


class Floor:
    """The bare server, and the same client."""

    def __init__(self, children: Children) -> None:
        self._port = free_port()
        command = [sys.executable, "-m", "benchmarks.bare_server", str(self._port)]
        children.start("bare", command).until_ready()

    def measure(self) -> Bare:
        """One run."""
        with (
            Fleet(self._port, "/", says_hello=False) as fleet,
            socket.create_connection((LOOPBACK, self._port)) as trigger,
        ):
            connecting = fleet.open(SOCKETS)
            time.sleep(SETTLING_SECONDS)
            began = time.monotonic()
            trigger.sendall(TRIGGER)
            closes = fleet.until_closed(SECRET_REVOKED)
            return Bare(SOCKETS / connecting, max(closes.times) - began)


def run(children: Children) -> Report:
    """Ours and the floor, in turns."""
    database_url, database = some_database(children)
    node, floor = Node(children, database_url), Floor(children)
    ours: list[Ours] = []
    bare: list[Bare] = []
    for _ in range(ROUNDS):
        ours.append(node.measure())
        bare.append(floor.measure())
    return _report(ours, bare, database)


def _report(ours: Sequence[Ours], bare: Sequence[Bare], database: str) -> Report:
    report = Report("closing", f"closing {SOCKETS:,} sockets of a revoked secret on one node")
    report.tables = [_against_floor(ours, bare), _regenerate(ours), _memory(ours)]
    report.budgets = _budgets(ours, bare)
    report.notes = [
        f"medians of {ROUNDS} interleaved runs on {database}, each on a node just started",
        f"every receipt counted {SOCKETS:,} closed sockets",
        "client and servers share the machine's cores; nothing is pinned",
        "Socket.IO and node ws were not measured here",
    ]
    report.measurements = {
        "widget-auth": [{**asdict(each), "closing": each.closing} for each in ours],
        "bare": [asdict(each) for each in bare],
    }
    return report


def _against_floor(ours: Sequence[Ours], bare: Sequence[Bare]) -> Table:
    connects, bare_connects = (
        _median(ours, "connects_per_second"),
        _median(bare, "connects_per_second"),
    )
    closing, bare_closing = _median(ours, "closing"), _median(bare, "closing")
    rows = [
        (
            "signal → last close frame read",
            ratio(closing / bare_closing),
            milliseconds(closing),
            milliseconds(bare_closing),
            _spreads(ours, bare, "closing"),
        ),
        (
            "connects (ours registered in Redis)",
            ratio(connects / bare_connects),
            per_second(connects),
            per_second(bare_connects),
            _spreads(ours, bare, "connects_per_second"),
        ),
    ]
    return Table(
        "beside the floor", ("", "ratio", "widget-auth", "bare epoll", "spread of runs"), rows
    )


def _regenerate(ours: Sequence[Ours]) -> Table:
    steps = {
        "answered": "answered",
        "signalled": "node signalled",
        "first_closed": "first 4401 read",
        "last_closed": "last 4401 read",
    }
    rows = [
        (name, milliseconds(_median(ours, step)), milliseconds(max(_all(ours, step))))
        for step, name in steps.items()
    ]
    return Table("since the call to regenerate", ("", "median", "worst"), rows)


def _memory(ours: Sequence[Ours]) -> Table:
    rows = [
        ("idle anonymous session", _kilobytes(_median(ours, "idle_memory"))),
        ("idle signed-in session", _kilobytes(_median(ours, "signed_in_memory"))),
    ]
    return Table("memory in the gateway (USS)", ("", "each"), rows)


def _budgets(ours: Sequence[Ours], bare: Sequence[Bare]) -> list[Budget]:
    times = _median(ours, "closing") / _median(bare, "closing")
    connects = _median(ours, "connects_per_second")
    memory = _median(ours, "signed_in_memory")
    return [
        Budget(
            f"closing {SOCKETS:,} sockets",
            f"≤ {TIMES_BARE} × bare epoll",
            ratio(times),
            times <= TIMES_BARE,
        ),
        Budget(
            "connects, registered",
            f"≥ {per_second(CONNECTS_PER_SECOND)}",
            per_second(connects),
            connects >= CONNECTS_PER_SECOND,
        ),
        Budget(
            "memory of a session",
            f"≤ {_kilobytes(MEMORY_BYTES)}",
            _kilobytes(memory),
            memory <= MEMORY_BYTES,
        ),
    ]


def _all(runs: Sequence[object], name: str) -> list[float]:
    return [getattr(run, name) for run in runs]


def _median(runs: Sequence[object], name: str) -> float:
    return median(_all(runs, name))


def _spreads(ours: Sequence[Ours], bare: Sequence[Bare], name: str) -> str:
    return " / ".join(f"{spread(_all(runs, name)):.0%}" for runs in (ours, bare))


def _kilobytes(number: float) -> str:
    return f"{number / 1000:.1f} KB"
