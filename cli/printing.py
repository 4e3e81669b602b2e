"""What commands write: JSON, plain text that stays the same, or for a terminal something nicer."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.times import to_wire

Cell: TypeAlias = str | int | bool | datetime | None


def print_json(document: Mapping[str, object]) -> None:
    """The document stands on one line of standard output."""
    print(json.dumps(document), flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """The rows stand there: with frames on a terminal, else separated by tabs under a head."""
    if on_terminal():
        terminal().print(make_table(columns, rows))
        return
    for row in [columns, *rows]:
        print("\t".join(shown(cell) for cell in row))
    sys.stdout.flush()


def print_facts(facts: Mapping[str, Cell]) -> None:
    """Each fact stands on a line of its own behind its name."""
    for name, value in facts.items():
        print(f"{name}: {shown(value)}")
    sys.stdout.flush()


def say(sentence: str) -> None:
    """The person at the terminal is told; whoever reads standard output is not."""
    print(sentence, file=sys.stderr, flush=True)


def on_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def terminal() -> Console:
    """The terminal. What is printed there is taken as it is, whatever marks it holds."""
    return Console(markup=False, highlight=False, emoji=False)


def make_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """A table for the terminal in which nothing is left out, however narrow it is."""
    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    return table


def shown(cell: Cell) -> str:
    """The value as text on one line, which nothing in it can make a terminal misread."""
    match cell:
        case None:
            return "-"
        case bool():
            return "yes" if cell else "no"
        case datetime():
            return to_wire(cell)
    text = str(cell)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
