"""Closing every socket of a revoked secret on one node, beside a bare epoll server and peers.

All serve as many sockets to the same client. What closes ours is a real regenerate: SQL, queue,
revocation worker, signal, node. Our connecting counts with the record in Redis and the welcome,
that of the peers with the welcome alone, that of the bare server with the upgrade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import inf

from benchmarks.children import Children
from benchmarks.figures import median, milliseconds, per_second, ratio, spread
from benchmarks.peer_packages import PeerMissing
from benchmarks.report import Budget, Report, Table
from benchmarks.revoked_node import SOCKETS, Node, Ours
from benchmarks.servers import some_database
from benchmarks.socket_peers import BareEpoll, NodeWs, Run, SocketIo, SocketPeer

ROUNDS = 5

TIMES_BARE, TIMES_SOCKET_IO = 1.5, 0.3
CONNECTS_PER_SECOND = 4_000
MEMORY_BYTES = 20_000

Others = Mapping[str, Sequence[Run]]


def run(children: Children) -> Report:
    """Ours, the floor and the peers, in turns."""
    database_url, database = some_database(children)
    node = Node(children, database_url)
    peers, missing = _start_peers(children)
    ours: list[Ours] = []
    others: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    for _ in range(ROUNDS):
        ours.append(node.measure())
        for peer in peers:
            others[peer.name].append(peer.measure())
    return _report(ours, others, database, missing)


def _start_peers(children: Children) -> tuple[list[SocketPeer], list[str]]:
    """The floor and the peers that can run here, and what to say of the others."""
    peers: list[SocketPeer] = [BareEpoll(children)]
    missing: list[str] = []
    for start in (NodeWs, SocketIo):
        try:
            peers.append(start(children))
        except PeerMissing as reason:
            missing.append(f"{start.name} is left out: {reason}")
    return peers, missing


def _report(ours: Sequence[Ours], others: Others, database: str, missing: Sequence[str]) -> Report:
    report = Report("closing", f"closing {SOCKETS:,} sockets of a revoked secret on one node")
    report.tables = [*_beside(ours, others), _regenerate(ours), _memory(ours)]
    report.budgets = [*_budgets(ours, others), *_budgets_of_peers(ours, others)]
    report.notes = [
        f"medians of {ROUNDS} interleaved runs on {database}, each of ours on a node just started",
        f"every receipt counted {SOCKETS:,} closed sockets",
        "client and servers share the machine's cores; nothing is pinned",
        *missing,
    ]
    report.measurements = {
        "widget-auth": [{**asdict(each), "closing": each.closing} for each in ours],
        **{name: [asdict(each) for each in runs] for name, runs in others.items()},
    }
    return report


def _beside(ours: Sequence[Ours], others: Others) -> list[Table]:
    """A table for each figure, with a row for each of the others; the ratio is of ours to it."""
    figures = (
        ("signal → last close frame read", "closing", milliseconds),
        ("connects (only ours registered in Redis)", "connects_per_second", per_second),
    )
    return [
        Table(
            title,
            ("beside", "ratio", "widget-auth", "other", "spread of runs"),
            [
                (
                    name,
                    ratio(_median(ours, figure) / _median(runs, figure)),
                    show(_median(ours, figure)),
                    show(_median(runs, figure)),
                    _spreads(ours, runs, figure),
                )
                for name, runs in others.items()
            ],
        )
        for title, figure, show in figures
    ]


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


def _budgets(ours: Sequence[Ours], others: Others) -> list[Budget]:
    times = _median(ours, "closing") / _median(others[BareEpoll.name], "closing")
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


def _budgets_of_peers(ours: Sequence[Ours], others: Others) -> list[Budget]:
    """Of those peers that ran."""
    limits = (
        (NodeWs.name, "closing", "ahead of", 0.0, 1.0),
        (SocketIo.name, "closing", f"≤ {TIMES_SOCKET_IO} ×", 0.0, TIMES_SOCKET_IO),
        (SocketIo.name, "connects_per_second", "ahead of", 1.0, inf),
    )
    budgets = []
    for name, figure, wanted, least, most in limits:
        if name in others:
            times = _median(ours, figure) / _median(others[name], figure)
            title = "connects" if figure != "closing" else f"closing {SOCKETS:,} sockets"
            budgets.append(Budget(title, f"{wanted} {name}", ratio(times), least <= times <= most))
    return budgets


def _all(runs: Sequence[object], name: str) -> list[float]:
    return [getattr(run, name) for run in runs]


def _median(runs: Sequence[object], name: str) -> float:
    return median(_all(runs, name))


def _spreads(ours: Sequence[Ours], others: Sequence[Run], name: str) -> str:
    return " / ".join(f"{spread(_all(runs, name)):.0%}" for runs in (ours, others))


def _kilobytes(number: float) -> str:
    return f"{number / 1000:.1f} KB"
