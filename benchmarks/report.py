"""What a benchmark has to say: tables for people, the same as JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_GAP = "   "


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; the first column names the row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self) -> Iterable[str]:
        """The table as text, its columns aligned."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        yield self.title
        for row in (self.header, *self.rows):
            first, *rest = row
            cells = [first.ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
            yield "  " + _GAP.join(cells).rstrip()


@dataclass(frozen=True, slots=True)
class Budget:
    """What was promised, what was measured, and whether the promise holds."""

    what: str
    promised: str
    measured: str
    is_met: bool


@dataclass(slots=True)
class Report:
    """The outcome of one benchmark."""

    name: str
    title: str
    tables: list[Table] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measurements: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> Iterable[str]:
        """The whole report as text."""
        yield f"== {self.title} =="
        for table in self.tables:
            yield ""
            yield from table.lines()
        yield ""
        yield from self._budgets().lines()
        yield from (f"  · {note}" for note in self.notes)

    def write(self, machine: dict[str, Any]) -> Path:
        """The report lies beside the others as JSON, with the machine it was measured on."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps({"machine": machine, **asdict(self)}, indent=1) + "\n")
        return path

    def _budgets(self) -> Table:
        rows = [
            (budget.what, budget.promised, budget.measured, "met" if budget.is_met else "MISSED")
            for budget in self.budgets
        ]
        return Table("budgets", ("", "promised", "measured", ""), rows)
