"""What a node shows of its present state whenever somebody reads its metrics."""

from collections.abc import Callable

from gateway.context import NodeContext


def show_gauges(node: NodeContext) -> None:
    """The metrics show this node's sockets, sessions, lanes, projects and lease."""
    metrics, rooms = node.metrics, node.shelf.rooms
    states: dict[str, Callable[[], float]] = {
        "awaited": lambda: len(node.awaited),
        "live": lambda: len(node.by_id),
        "signed_in": lambda: sum(room.signed_in for room in rooms.values()),
    }
    metrics.gauge("sockets_open", "Open sockets.", lambda: len(node.sessions))
    for state, read in states.items():
        metrics.gauge("sessions", "Sessions, by state.", read, state=state)
    for driver in (node.verifications, node.sign_outs, node.messages):
        metrics.watch_lane(driver.task, driver.lane)
    metrics.gauge("lease_held", "1 while the lease is trusted.", lambda: node.lease.is_held)
    metrics.gauge("projects", "Projects held.", lambda: len(rooms))
