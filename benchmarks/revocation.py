"""Regenerate until the old token is refused on every node, however many sessions there are."""

import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace

from benchmarks.administrator import Administrator
from benchmarks.children import Children
from benchmarks.figures import median, milliseconds, percentile
from benchmarks.fleet import Fleet, FleetFailed
from benchmarks.layouts import NODE, fill_buckets
from benchmarks.report import Budget, Report, Table
from benchmarks.servers import some_database, start_redis
from benchmarks.stall_probe import StallProbe
from benchmarks.system import System, mint, socket_path
from config.queues import MAINTENANCE, REVOCATION, VERIFICATION
from domain.ids import ProjectId
from storage.redis import keys

NODES = 2
REGENERATIONS = 200
REGENERATIONS_A_PROJECT = 10
SIGNED_IN_A_NODE = 5
MANY = 1_000_000
REGENERATIONS_OF_MANY = 3
SECRET_REVOKED = 4401
PATIENCE_SECONDS = 10.0

P99_SECONDS = 0.250


@dataclass(frozen=True, slots=True)
class Refusal:
    """One regenerate, in seconds since it was called (at `called_at`, monotonic).

    `refused` is when the last node had refused a token that was sent to it after the answer;
    `dropped` when no record of a revoked session was left, `stall` the longest that another client
    of Redis waited meanwhile; both only where there were many records.
    """

    called_at: float
    answered: float
    refused: float
    dropped: float = 0.0
    stall: float = 0.0


class Revoked:
    """A project on two nodes, whose secret is regenerated again and again."""

    def __init__(self, system: System, administrator: Administrator, ports: list[int]) -> None:
        self._system = system
        self._administrator = administrator
        self._ports = ports
        self.project_id: ProjectId = system.add_project()
        self._secret = system.regenerate(self.project_id).secret
        self._generation = 1
        self._ends = ExitStack()
        self._probes = [self._open(port, 1) for port in ports]

    def close(self) -> None:
        """Its sockets are closed."""
        self._ends.close()

    def regenerate(self) -> Refusal:
        """Its live sessions are closed and the old token is refused on every node.

        Raises:
            FleetFailed: the old token was accepted, or a session was not closed.
        """
        people = [self._open(port, SIGNED_IN_A_NODE) for port in self._ports]
        for fleet in people:
            self._take_tokens(fleet)
            fleet.sign_in()
        for fleet in self._probes:
            self._take_tokens(fleet)
        self._administrator.ask(self.project_id)
        regenerated = self._administrator.answer()
        for fleet in self._probes:
            for widget in fleet.widgets.values():
                widget.present_token()
        refused_at = max(_until_refused(fleet) for fleet in self._probes)
        for fleet in people:
            fleet.until_closed(SECRET_REVOKED)
        self._secret = regenerated.secret
        self._generation += 1
        called = regenerated.called_at
        return Refusal(called, regenerated.answered_at - called, refused_at - called)

    def regenerate_many(self, probe: StallProbe) -> Refusal:
        """As `regenerate`, with many more records of sessions to drop."""
        redis = self._system.stores.redis
        fill_buckets(redis, self.project_id, NODE, self._generation, MANY)
        probe.begin()
        refusal = self.regenerate()
        # What is left then are the anonymous sessions' buckets, one for each node.
        while redis.scard(keys.buckets(self.project_id)) > NODES:
            time.sleep(0.005)
        dropped = time.monotonic() - refusal.called_at
        return replace(refusal, dropped=dropped, stall=probe.end())

    def _open(self, port: int, sockets: int) -> Fleet:
        fleet = self._ends.enter_context(Fleet(port, socket_path(self.project_id)))
        fleet.open(sockets)
        return fleet

    def _take_tokens(self, fleet: Fleet) -> None:
        for number, widget in enumerate(fleet.widgets.values()):
            widget.take_token(mint(self._secret, f"person-{number}"))


def _until_refused(fleet: Fleet) -> float:
    """When the fleet's one widget was told that its token's key is revoked (monotonic seconds).

    Raises:
        FleetFailed: it was told something else, or nothing in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for _, _, payload in fleet.frames(1.0):
            if b'"code":"key_revoked"' not in payload:
                message = f"not refused: {payload[:200]!r}"
                raise FleetFailed(message)
            return time.monotonic()
    message = "the old token was not answered"
    raise FleetFailed(message)


def run(children: Children) -> Report:
    """Two nodes; many regenerates of few sessions, a few of many."""
    database_url, database = some_database(children)
    _, redis_port = start_redis(children, "redis")
    system = System(children, "ours", database_url, redis_port)
    system.start_workers(VERIFICATION, REVOCATION, MAINTENANCE)
    system.start_beat()
    ports = [gateway.port for gateway in system.start_gateways(NODES)]
    administrator = Administrator(children, system.environment)
    probe = StallProbe(children, redis_port)

    def project() -> closing[Revoked]:
        return closing(Revoked(system, administrator, ports))

    few: list[Refusal] = []
    for _ in range(REGENERATIONS // REGENERATIONS_A_PROJECT):
        with project() as revoked:
            few += [revoked.regenerate() for _ in range(REGENERATIONS_A_PROJECT)]
    with project() as revoked:
        many = [revoked.regenerate_many(probe) for _ in range(REGENERATIONS_OF_MANY)]
    return _report(few, many, database)


def _report(few: list[Refusal], many: list[Refusal], database: str) -> Report:
    report = Report("revocation", f"regenerate → old token refused on {NODES} nodes")
    report.tables = [
        Table(
            "since the call, by sessions on record",
            ("", "answered p50", "refused p50", "refused p99", "worst", "runs"),
            [_row(f"{NODES * SIGNED_IN_A_NODE}", few), _row(f"{MANY:,}", many)],
        ),
        Table(
            f"dropping {MANY:,} records by the revocation worker",
            ("", "median", "worst"),
            [
                ("no record left, since the call", *_median_and_worst([r.dropped for r in many])),
                ("longest wait of another client", *_median_and_worst([r.stall for r in many])),
            ],
        ),
    ]
    worst = max(percentile([r.refused for r in runs], 0.99) for runs in (few, many))
    report.budgets = [
        Budget(
            "regenerate → old token refused everywhere, p99",
            f"≤ {milliseconds(P99_SECONDS)}",
            milliseconds(worst),
            worst <= P99_SECONDS,
        )
    ]
    report.notes = [
        f"on {database}; the token that counts is sent after the answer, on each node",
        "no such token was accepted in any run, and every revoked session was closed with 4401",
    ]
    report.measurements = {
        "few": [asdict(each) for each in few],
        "many": [asdict(each) for each in many],
    }
    return report


def _row(name: str, runs: list[Refusal]) -> tuple[str, ...]:
    refused = [run.refused for run in runs]
    return (
        name,
        milliseconds(median([run.answered for run in runs])),
        milliseconds(median(refused)),
        milliseconds(percentile(refused, 0.99)),
        milliseconds(max(refused)),
        str(len(runs)),
    )


def _median_and_worst(values: list[float]) -> tuple[str, str]:
    return milliseconds(median(values)), milliseconds(max(values))
