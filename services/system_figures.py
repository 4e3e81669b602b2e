"""Figures of the whole system for a monitoring system, in Prometheus' text format."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from domain.alarms import AlarmKind
from services.alarms import WATCHED_QUEUES, read_alarms
from services.pulse import measure_clocks
from services.stores import Stores
from storage.redis import health, leases
from storage.sql import parking
from storage.sql.engine import now_of

_PREFIX = "widget_auth_system"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what it is of."""

    name: str
    labels: Mapping[str, str]
    value: float


def render_figures(stores: Stores) -> bytes:
    """All figures as they are now, as text. No project and no person is told apart.

    Raises:
        StorageUnavailable: a store does not answer.
    """
    return generate_latest(_collect(stores))


def list_figures(stores: Stores) -> list[Figure]:
    """The same, one by one."""
    return [
        Figure(sample.name, sample.labels, sample.value)
        for metric in _collect(stores).collect()
        for sample in metric.samples
    ]


def _collect(stores: Stores) -> CollectorRegistry:
    registry = CollectorRegistry()
    _show_outbox(registry, stores)
    _show_alarms(registry, stores)
    _show_queues(registry, stores)
    _show_nodes(registry, stores)
    _show_clocks(registry, stores)
    return registry


def _show_outbox(registry: CollectorRegistry, stores: Stores) -> None:
    with stores.database.reading() as db:
        backlog, now = parking.read_backlog(db), now_of(db)
        messages = sum(kind.times for kind in parking.list_parked_kinds(db))
    age = _age(backlog.oldest_at, now)
    _gauge(registry, "outbox_undone", "Events that wait to be carried out.", backlog.undone)
    _gauge(registry, "outbox_age_seconds", "Age of the oldest of them, else 0.", age)
    _gauge(registry, "outbox_parked", "Events that are not repeated any more.", backlog.parked)
    _gauge(registry, "parked_messages", "Messages that came to nothing.", messages)


def _show_alarms(registry: CollectorRegistry, stores: Stores) -> None:
    counts = Counter(alarm.kind for alarm in read_alarms(stores))
    gauge = Gauge(f"{_PREFIX}_alarms", "Alarms, by kind.", ["kind"], registry=registry)
    for kind in AlarmKind:
        gauge.labels(kind=kind.value).set(counts[kind])


def _show_queues(registry: CollectorRegistry, stores: Stores) -> None:
    now = health.read_clock(stores.redis)
    text = "Seconds since a task of the queue ran; none where nobody knows."
    gauge = Gauge(f"{_PREFIX}_queue_idle_seconds", text, ["queue"], registry=registry)
    for queue, last in health.read_runs(stores.redis, WATCHED_QUEUES).items():
        if last:
            gauge.labels(queue=queue).set(_age(last.at, now))


def _show_nodes(registry: CollectorRegistry, stores: Stores) -> None:
    alive = Counter(leases.list_nodes(stores.redis).values())
    gauge = Gauge(f"{_PREFIX}_gateway_nodes", "Gateway nodes.", ["alive"], registry=registry)
    for is_alive in (True, False):
        gauge.labels(alive=str(is_alive).lower()).set(alive[is_alive])


def _show_clocks(registry: CollectorRegistry, stores: Stores) -> None:
    offsets = measure_clocks(stores)
    text = "How far a store's clock is ahead of this process's."
    gauge = Gauge(f"{_PREFIX}_clock_offset_seconds", text, ["store"], registry=registry)
    gauge.labels(store="sql").set(offsets.sql_seconds)
    gauge.labels(store="redis").set(offsets.redis_seconds)


def _gauge(registry: CollectorRegistry, name: str, text: str, value: float) -> None:
    Gauge(f"{_PREFIX}_{name}", text, registry=registry).set(value)


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
