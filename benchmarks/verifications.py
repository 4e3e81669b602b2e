"""Verifications end to end: a token sent on a socket until `signed_in` is read from it.

Against the naive peer: one Celery task for each verification, doing the same checks and the same
rows one by one, its result read from Redis. The peer is spared the gateway: requests go straight
into its queue.
"""

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.children import Children
from benchmarks.contenders import Contender, start_naive, start_ours
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
from benchmarks.report import Budget, Report, Table
from benchmarks.servers import Postgres, PostgresMissing

ROUNDS = 3
WARM_SECONDS = 0.75
THROUGHPUT_SECONDS = 2.5
SECONDS_AT_RATE = {50: 4.0, 500: 2.5}

TIMES_NAIVE = 10.0
P50_SECONDS, P99_SECONDS, P99_LOADED_SECONDS = 0.010, 0.040, 0.100


def run(children: Children) -> Report:
    """Both contenders on each database, in turns."""
    pairs = _start(children)
    for turn in range(ROUNDS):
        for contender in (each for pair in pairs.values() for each in pair):
            _measure(contender, turn)
    report = Report("verifications", "verifications end to end, one verification worker process")
    report.tables = [
        Table("throughput, closed loop", _THROUGHPUT, _throughput_rows(pairs)),
        Table("sign-in latency, random arrivals", _LATENCY, _latency_rows(pairs)),
        Table("processor time a sign-in, under full load", _COST, _cost_rows(pairs)),
    ]
    report.budgets = _budgets(pairs)
    report.notes = [
        f"throughput: medians of {ROUNDS} interleaved runs; latencies: of all runs together",
        "the naive peer has no gateway and no binding to do: its requests are sent by the client",
        "dramatiq, taskiq and BullMQ with one job per verification were not measured here",
    ]
    report.measurements = {
        database: {each.name: _measurements(each) for each in pair}
        for database, pair in pairs.items()
    }
    return report


def _start(children: Children) -> dict[str, tuple[Contender, Contender]]:
    pairs = {}
    try:
        postgres = Postgres(children)
    except PostgresMissing as missing:
        print(missing.__doc__)
    else:
        pairs["PostgreSQL"] = (
            start_ours(children, "ours-postgres", postgres.create_database()),
            start_naive(children, "naive-postgres", postgres.create_database()),
        )
        for contender in pairs["PostgreSQL"]:
            contender.cpu_seconds["PostgreSQL"] = postgres.child.cpu_seconds
    folder = children.folder
    pairs["SQLite"] = (
        start_ours(children, "ours-sqlite", f"sqlite:///{folder}/ours.sqlite"),
        start_naive(children, "naive-sqlite", f"sqlite:///{folder}/naive.sqlite"),
    )
    return pairs


def _measure(contender: Contender, turn: int) -> None:
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
        for rate, seconds in SECONDS_AT_RATE.items():
            measured = open_loop(requests, contender.clients, rate, seconds, seed=turn)
            contender.latencies.setdefault(rate, []).append(measured)


Pairs = dict[str, tuple[Contender, Contender]]
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
            " / ".join(
                percent(spread([run.per_second for run in each.throughputs]))
                for each in (ours, naive)
            ),
        )
        for database, (ours, naive) in pairs.items()
    ]


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


def _cost_rows(pairs: Pairs) -> list[Sequence[str]]:
    return [
        (f"{database}, {each.name}", *(_cost(each, name) for name in _COST[1:]))
        for database, pair in pairs.items()
        for each in pair
    ]


def _cost(contender: Contender, name: str) -> str:
    costs = [
        run.shares[name] / run.per_second for run in contender.throughputs if name in run.shares
    ]
    return microseconds(median(costs)) if costs else "–"


def _budgets(pairs: Pairs) -> list[Budget]:
    budgets = []
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
