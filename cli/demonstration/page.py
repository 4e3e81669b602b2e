"""What the demonstration prints."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Page:
    """Steps with their measured times, one under the other."""

    def __init__(self) -> None:
        self._console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._steps = 0

    def step(self, sentence: str) -> None:
        """The next step begins."""
        self._steps += 1
        self._console.print()
        self._console.print(Text(f"{self._steps}. {sentence}", style="bold"))

    def say(self, sentence: str) -> None:
        """Something that belongs to the step."""
        self._console.print(Text(f"{'':>13}{sentence}"))

    def timed(self, milliseconds: float, sentence: str) -> None:
        """Something that took so long."""
        line = Text(f"{milliseconds:>9.1f} ms ", style="green")
        self._console.print(line + Text(sentence, style="default"))

    def receipt(self, receipt: dict[str, Any]) -> None:
        """The receipt of a rotation as a small table."""
        sessions, nodes, use = receipt["sessions"], receipt["nodes"], receipt["last_old_key_use"]
        rows = {
            "sessions": "{targeted} found · {closed} closed · {gone} gone".format(**sessions),
            "nodes": f"{nodes['asked']} asked · {nodes['answered']} answered",
            "cut at": receipt["effective_at"],
            "completed": f"{_between(receipt):.0f} ms later",
            "old key accepted last": use["accepted_at"] or "never",
            "old key refused last": use["refused_at"] or "never",
        }
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in rows.items():
            table.add_row(Text(f"{'':>13}{name}", style="dim"), Text(str(value)))
        self._console.print(table)


def _between(receipt: dict[str, Any]) -> float:
    begun = datetime.fromisoformat(receipt["effective_at"])
    ended = datetime.fromisoformat(receipt["completed_at"])
    return (ended - begun).total_seconds() * 1000
