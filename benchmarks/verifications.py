"""Verifications end to end: a token sent on a socket until `signed_in` is read from it.

Against queues of others with one job for each verification, doing the same checks and the same
rows one by one, its result read from Redis. They are spared the gateway: requests go straight into
the queue. The naive one, Celery, on each database; those that have several jobs under way at once
on PostgreSQL only, as SQLite lets one write at a time, and for their throughput only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from benchmarks.children import Children
from benchmarks.contenders import Contender, start_ours
from benchmarks.figures import (
    median,
    microseconds,
    milliseconds,
    per_second,
    percent,
    percentile,
    ratio,
    spread,
)
from benchmarks.load import closed_loop, open_loop
from benchmarks.peer_packages import PeerMissing
from benchmarks.queue_peers import MANY_AT_ONCE, celery, start_queue
from benchmarks.report import Budget, Report, Table
from benchmarks.servers import Postgres, PostgresMissing

ROUNDS = 3
WARM_SECONDS = 0.75
THROUGHPUT_SECONDS = 2.5
SECONDS_AT_RATE = {50: 4.0, 500: 2.5}

TIMES_NAIVE, TIMES_BEST = 10.0, 2.0
P50_SECONDS, P99_SECONDS, P99_LOADED_SECONDS = 0.010, 0.040, 0.100

Pairs = dict[str, tuple[Contender, Contender]]


def run(children: Children) -> Report:
    """All contenders, in turns."""
    pairs, others, missing = _start(children)
    for turn in range(ROUNDS):
        for pair in pairs.values():
            for contender in pair:
                _measure(contender, turn, SECONDS_AT_RATE)
        for contender in others:
            _measure(contender, turn, {})
    report = Report("verifications", "verifications end to end, one verification worker process")
    report.tables = [
        Table("throughput, closed loop", _THROUGHPUT, _throughput_rows(pairs)),
        *_tables_of_others(pairs, others),
        Table("sign-in latency, random arrivals", _LATENCY, _latency_rows(pairs)),
        Table("processor time a sign-in, under full load", _COST, _cost_rows(pairs, others)),
    ]
    report.budgets = _budgets(pairs, others)
    report.notes = [
        f"throughput: medians of {ROUNDS} interleaved runs; latencies: of all runs together",
        "no peer has a gateway or a binding to do; what enqueues its jobs counts as client",
        *(f"{each.name}: {each.setting}" for each in (pairs["SQLite"][1], *others)),
        *missing,
    ]
    report.measurements = {
        database: {each.name: _measurements(each) for each in pair}
        for database, pair in pairs.items()
    }
    report.measurements["others"] = {each.name: _measurements(each) for each in others}
    return report


def _start(children: Children) -> tuple[Pairs, list[Contender], list[str]]:
    """Ours and the naive peer on each database, the other peers, and what to say of those missing.

    Of the other peers each has its own database on the same PostgreSQL.
    """
    pairs = {}
    others: list[Contender] = []
    missing: list[str] = []
    try:
        postgres = Postgres(children)
    except PostgresMissing as reason:
        missing.append(str(reason.__doc__))
    else:
        pairs["PostgreSQL"] = (
            start_ours(children, "ours-postgres", postgres.create_database()),
            start_queue(children, "naive-postgres", postgres.create_database(), celery()),
        )
        others, missing = _start_others(children, postgres)
        for contender in (*pairs["PostgreSQL"], *others):
            contender.cpu_seconds["PostgreSQL"] = postgres.child.cpu_seconds
    folder = children.folder
    pairs["SQLite"] = (
        start_ours(children, "ours-sqlite", f"sqlite:///{folder}/ours.sqlite"),
        start_queue(children, "naive-sqlite", f"sqlite:///{folder}/naive.sqlite", celery()),
    )
    return pairs, others, missing


def _start_others(children: Children, postgres: Postgres) -> tuple[list[Contender], list[str]]:
    others, missing = [], []
    for choose in MANY_AT_ONCE:
        name = choose.__name__
        try:
            job_queue = choose()
        except PeerMissing as reason:
            missing.append(f"{name} is left out: {reason}")
            continue
        others.append(start_queue(children, name, postgres.create_database(), job_queue))
    return others, missing


def _measure(contender: Contender, turn: int, seconds_at_rate: Mapping[int, float]) -> None:
    with contender.requests() as requests:
        contender.throughputs.append(
            closed_loop(
                requests,
                contender.clients,
                WARM_SECONDS,
                THROUGHPUT_SECONDS,
                contender.cpu_seconds,
            )
        )
        for rate, seconds in seconds_at_rate.items():
            measured = open_loop(requests, contender.clients, rate, seconds, seed=turn)
            contender.latencies.setdefault(rate, []).append(measured)


_THROUGHPUT = ("", "ratio", "widget-auth", "naive Celery", "spread of runs")
_LATENCY = ("", "ratio of p50", "p50", "p99", "naive p50", "naive p99", "unanswered")
_COST = ("", "client", "gateway", "worker", "Redis", "PostgreSQL")


def _throughput(contender: Contender) -> float:
    return median([each.per_second for each in contender.throughputs])


def _throughput_rows(pairs: Pairs) -> list[Sequence[str]]:
    return [
        (
            database,
            ratio(_throughput(ours) / _throughput(naive)),
            per_second(_throughput(ours)),
            per_second(_throughput(naive)),
            f"{_spread(ours)} / {_spread(naive)}",
        )
        for database, (ours, naive) in pairs.items()
    ]


def _spread(contender: Contender) -> str:
    return percent(spread([run.per_second for run in contender.throughputs]))


def _tables_of_others(pairs: Pairs, others: Sequence[Contender]) -> list[Table]:
    """A row for each peer that has several jobs under way; the ratio is of ours to it."""
    if not others:
        return []
    ours, _ = pairs["PostgreSQL"]
    rows = [
        (
            each.name,
            ratio(_throughput(ours) / _throughput(each)),
            per_second(_throughput(ours)),
            per_second(_throughput(each)),
            f"{_spread(ours)} / {_spread(each)}",
        )
        for each in others
    ]
    header = ("", "ratio", "widget-auth", "peer", "spread of runs")
    return [Table("beside several jobs at once, PostgreSQL, closed loop", header, rows)]


def _latency(contender: Contender, rate: int, share: float) -> float:
    return percentile([s for run in contender.latencies[rate] for s in run.seconds], share)


def _latency_rows(pairs: Pairs) -> list[Sequence[str]]:
    return [
        (
            f"{database}, {rate}/s",
            ratio(_latency(ours, rate, 0.5) / _latency(naive, rate, 0.5)),
            *(
                milliseconds(_latency(each, rate, share))
                for each in (ours, naive)
                for share in (0.5, 0.99)
            ),
            " / ".join(
                str(sum(run.unanswered for run in each.latencies[rate])) for each in (ours, naive)
            ),
        )
        for database, (ours, naive) in pairs.items()
        for rate in SECONDS_AT_RATE
    ]


def _cost_rows(pairs: Pairs, others: Sequence[Contender]) -> list[Sequence[str]]:
    of_database = {**pairs, "PostgreSQL": (*pairs.get("PostgreSQL", ()), *others)}
    return [
        (f"{database}, {each.name}", *(_cost(each, name) for name in _COST[1:]))
        for database, contenders in of_database.items()
        for each in contenders
    ]


def _cost(contender: Contender, name: str) -> str:
    costs = [
        run.shares[name] / run.per_second for run in contender.throughputs if name in run.shares
    ]
    return microseconds(median(costs)) if costs else "–"


def _budgets(pairs: Pairs, others: Sequence[Contender]) -> list[Budget]:
    budgets = _budgets_of_others(pairs, others)
    for database, (ours, naive) in pairs.items():
        times = _throughput(ours) / _throughput(naive)
        p50, p99 = _latency(ours, 50, 0.5), _latency(ours, 50, 0.99)
        loaded = _latency(ours, 500, 0.99)
        budgets += [
            Budget(
                f"{database}: verifications",
                f"≥ {TIMES_NAIVE:.0f} × naive Celery",
                ratio(times),
                times >= TIMES_NAIVE,
            ),
            Budget(
                f"{database}: p50 / p99 at 50/s",
                f"≤ {milliseconds(P50_SECONDS)} / {milliseconds(P99_SECONDS)}",
                f"{milliseconds(p50)} / {milliseconds(p99)}",
                p50 <= P50_SECONDS and p99 <= P99_SECONDS,
            ),
            Budget(
                f"{database}: p99 at 500/s",
                f"≤ {milliseconds(P99_LOADED_SECONDS)}",
                milliseconds(loaded),
                loaded <= P99_LOADED_SECONDS,
            ),
        ]
    return budgets


def _budgets_of_others(pairs: Pairs, others: Sequence[Contender]) -> list[Budget]:
    if not others:
        return []
    ours, _ = pairs["PostgreSQL"]
    best = max(others, key=_throughput)
    times = _throughput(ours) / _throughput(best)
    wanted = f"≥ {TIMES_BEST:.0f} × {best.name}, the best of {len(others)}"
    return [Budget("PostgreSQL: verifications", wanted, ratio(times), times >= TIMES_BEST)]


def _measurements(contender: Contender) -> dict[str, object]:
    return {
        "throughput": [asdict(each) for each in contender.throughputs],
        "latency": {
            str(rate): [
                {
                    "p50": percentile(run.seconds, 0.5),
                    "p99": percentile(run.seconds, 0.99),
                    "answered": len(run.seconds),
                    "unanswered": run.unanswered,
                    "late": run.late,
                }
                for run in runs
            ]
            for rate, runs in contender.latencies.items()
        },
    }
