"""What a gateway node counts, in a registry of its own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.lanes import Lane

_PREFIX = "widget_auth_gateway"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters and histograms; gauges are asked for only when somebody reads `/metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        self.opened = self._counter("sockets_opened", "Sockets opened.")
        self.closes = self._counter("closes", "Sockets closed, by reason.", "reason")
        self.sign_ins = self._counter("sign_ins", "Sessions bound to a verified token.")
        self.sign_outs = self._counter("sign_outs", "Sessions made anonymous by their visitor.")
        self.messages = self._counter("messages", "Visitors' messages stored.")
        self.refusals = self._counter("refusals", "Refused frames, by code.", "code")
        self.revoked = self._counter("revoked_sessions", "Sessions closed by a revocation.")
        self.strays = self._counter("stray_outcomes", "Outcomes that nobody waited for any more.")
        self.revoke_seconds = Histogram(
            f"{_PREFIX}_revoke_seconds",
            "Time to write the close frames of one revocation.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.sign_in_seconds = Histogram(
            f"{_PREFIX}_sign_in_seconds",
            "Time from a sign_in frame to its signed_in.",
            registry=self.registry,
            buckets=_SECONDS,
        )

    def gauge(self, name: str, text: str, read: Callable[[], float], **labels: str) -> None:
        """The gauge shows what `read` returns whenever it is asked; it has these labels."""
        full_name = f"{_PREFIX}_{name}"
        gauge = self._gauges.get(full_name)
        if gauge is None:
            gauge = Gauge(full_name, text, list(labels), registry=self.registry)
            self._gauges[full_name] = gauge
        (gauge.labels(**labels) if labels else gauge).set_function(read)

    def watch_lane(self, task: str, lane: Lane) -> None:
        """The lane's depth and its messages in flight are shown."""
        self.gauge("lane_waiting", "Requests waiting.", lambda: lane.waiting, task=task)
        self.gauge("lane_in_flight", "Messages in flight.", lambda: lane.in_flight, task=task)

    def render(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)
