"""Our node: all sockets of a project, opened, signed in, and closed by a regenerate."""

import time
from dataclasses import dataclass

from benchmarks.administrator import Administrator
from benchmarks.children import Children
from benchmarks.fleet import Fleet, FleetFailed
from benchmarks.servers import overhear, start_redis
from benchmarks.system import Gateway, System, mint, socket_path
from config.queues import MAINTENANCE, REVOCATION, VERIFICATION
from domain.ids import NodeId, RotationId
from domain.rotations import Rotation
from services.read_rotations import read_rotation
from storage.redis import keys, leases

SOCKETS = 10_000
SECRET_REVOKED = 4401
SETTLING_SECONDS = 0.5
RECEIPT_SECONDS = 20.0


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
        with overhear(self._redis_port, self._channel()) as signals:
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

    def _channel(self) -> str:
        """On which the one living node hears its signals."""
        nodes = leases.list_nodes(self._system.stores.redis)
        [living] = [node for node, is_alive in nodes.items() if is_alive]
        return keys.signals(NodeId(living))

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
