"""What runs have measured, put together and told."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from tests.chaos.history import SIGNED_IN, FaultSpan, History
from tests.chaos.runs import Ran
from tests.chaos.system import GATEWAYS


@dataclass
class Figures:
    """Of all rounds on one kind of database. Times in seconds."""

    kind: str
    seed: int
    rounds: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    regenerates: int = 0
    unanswered: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rotations: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def sign_ins(self) -> int:
        """How many sign-ins succeeded."""
        return self.attempts[SIGNED_IN]

    def add(self, ran: Ran, *, alone: bool) -> None:
        """One more round counts.

        Args:
            alone: its faults did not overlap, so that recoveries can be told apart.
        """
        history = ran.history
        self.rounds += 1
        self.faults.update(fault.kind for fault in history.faults)
        self.regenerates += sum(r.answered_at is not None for r in history.regenerates)
        self.unanswered += sum(r.answered_at is None for r in history.regenerates)
        self.attempts.update(attempt.outcome for attempt in history.attempts)
        self.closes.update(str(s.code) for s in history.sockets if s.code)
        self.violations += [f"round {self.rounds}: {v.rule}: {v.evidence}" for v in ran.violations]
        for state in ran.truth.values():
            self.rotations += [
                (r.completed_at - r.effective_at).total_seconds()
                for r in state.rotations
                if r.completed_at and r.effective_at
            ]
        for fault in history.faults if alone else ():
            recovered = recovery_seconds(history, fault)
            if recovered is not None:
                self.recoveries[fault.kind].append(recovered)

    def lines(self) -> Iterable[str]:
        """The figures as Markdown."""
        sign_ins = f"{self.sign_ins:,} succeeded of {sum(self.attempts.values()):,} attempts"
        yield f"| faults | {sum(self.faults.values())}, in {self.rounds} rounds |"
        yield f"| regenerates | {self.regenerates} answered, {self.unanswered} not answered |"
        yield f"| sign-ins | {sign_ins} |"
        yield f"| sockets closed with 4401 | {self.closes['4401']} |"
        yield f"| from the cut to the completed receipt | {_spread(self.rotations)} |"
        yield f"| violations | {len(self.violations)} |"
        yield f"| seed, duration | {self.seed}, {self.seconds:.0f} s |"

    def recovery_lines(self) -> Iterable[str]:
        """How long after each kind of fault the next sign-in took, as Markdown."""
        for kind in sorted(self.faults):
            measured = self.recoveries.get(kind, [])
            yield f"| {kind} | {self.faults[kind]} | {len(measured)} | {_spread(measured)} |"


def recovery_seconds(history: History, fault: FaultSpan) -> float | None:
    """From the fault's end to the first answer to a sign-in sent after it that succeeded.

    After a fault of one gateway only sign-ins there count. None if there was none.
    """
    where = next((name for name in GATEWAYS if fault.target.startswith(name)), None)
    answers = [
        attempt.answered_at
        for attempt in history.attempts
        if attempt.outcome == SIGNED_IN
        and attempt.sent_at >= fault.ended_at
        and where in (None, attempt.gateway)
    ]
    return min(answers) - fault.ended_at if answers else None


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"median {median(ordered):.2f} s, p95 {p95:.2f} s, longest {ordered[-1]:.2f} s"
