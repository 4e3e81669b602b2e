"""What a live session costs in Redis, and dropping a revoked generation, by number and layout."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from redis import Redis

from benchmarks.children import Children
from benchmarks.figures import median, milliseconds, ratio
from benchmarks.layouts import LAYOUTS, Layout
from benchmarks.report import Budget, Report, Table
from benchmarks.servers import start_redis
from benchmarks.stall_probe import StallProbe

RUNS_OF_SIZE = {1_000: 5, 10_000: 5, 100_000: 3, 1_000_000: 1}
IDLE_SECONDS = 2.0

BYTES_A_SESSION = 100


@dataclass(frozen=True, slots=True)
class Drop:
    """One run: bytes a session, seconds to drop them all, another client's longest wait."""

    bytes_each: float
    seconds: float
    stall: float


Drops = dict[int, dict[str, list[Drop]]]


def run(children: Children) -> Report:
    """Every layout at every size, in turns."""
    _, port = start_redis(children, "records")
    probe = StallProbe(children, port)
    with Redis(port=port) as client:
        client.ping()
        probe.begin()
        time.sleep(IDLE_SECONDS)
        idle = probe.end()
        drops: Drops = {size: {layout.name: [] for layout in LAYOUTS} for size in RUNS_OF_SIZE}
        for size, runs in RUNS_OF_SIZE.items():
            for layout in LAYOUTS * runs:
                drops[size][layout.name].append(_measure(client, probe, layout, size))
    return _report(drops, idle)


def _measure(client: Redis, probe: StallProbe, layout: Layout, size: int) -> Drop:
    client.flushall()
    client.memory_purge()
    empty = _used_memory(client)
    layout.fill(client, size)
    bytes_each = (_used_memory(client) - empty) / size
    probe.begin()
    began = time.monotonic()
    layout.drop(client)
    seconds = time.monotonic() - began
    stall = probe.end()
    if client.dbsize():
        message = f"{layout.name} left {client.dbsize()} keys"
        raise RuntimeError(message)
    return Drop(bytes_each, seconds, stall)


def _used_memory(client: Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _report(drops: Drops, idle: float) -> Report:
    report = Report("records", "session records in Redis, and dropping a revoked generation")
    report.tables = [
        _table("bytes a session", drops, "bytes_each", lambda number: f"{number:.0f}"),
        _table("dropping all of them in bounded steps", drops, "seconds", milliseconds),
        _table("longest wait of another client meanwhile", drops, "stall", milliseconds, max),
    ]
    [ours, *_] = LAYOUTS
    most = max(median([d.bytes_each for d in runs[ours.name]]) for runs in drops.values())
    report.budgets = [
        Budget(
            "memory of a session in Redis",
            f"≤ {BYTES_A_SESSION} bytes",
            f"{most:.0f} bytes",
            most <= BYTES_A_SESSION,
        )
    ]
    runs_of_size = ", ".join(f"{runs} ({size:,})" for size, runs in RUNS_OF_SIZE.items())
    report.notes = [
        f"medians of {runs_of_size} runs; of the waits the longest of all runs",
        f"another client's longest wait in {IDLE_SECONDS:.0f} idle s: {milliseconds(idle)}",
    ]
    report.measurements = {
        str(size): {name: [asdict(each) for each in runs] for name, runs in of_layouts.items()}
        for size, of_layouts in drops.items()
    }
    return report


def _table(
    title: str,
    drops: Drops,
    figure: str,
    show: Callable[[float], str],
    of_runs: Callable[[Sequence[float]], float] = median,
) -> Table:
    """One row for each size: how often ours goes into the best other layout, then each figure."""
    [ours, *others] = (layout.name for layout in LAYOUTS)
    rows = []
    for size, of_layouts in drops.items():
        figures = {
            name: of_runs([getattr(run, figure) for run in runs])
            for name, runs in of_layouts.items()
        }
        best = min(figures[name] for name in others)
        shown = (show(figures[name]) for name in (ours, *others))
        rows.append((f"{size:,}", ratio(figures[ours] / best), *shown))
    return Table(title, ("sessions", "ratio to the next", ours, *others), rows)
