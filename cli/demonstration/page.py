"""What the demonstration prints."""

from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PICTURE_WIDTH = 96

# Double braces are rich's own way to write single ones.
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>What make demo prints</title>
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Page:
    """Steps with their measured times, one under the other.

    Args:
        to_be_drawn: whether `draw` will be called.
    """

    def __init__(self, *, to_be_drawn: bool = False) -> None:
        self._console = Console(
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=True,
            record=to_be_drawn,
            width=PICTURE_WIDTH if to_be_drawn else None,
        )
        self._steps = 0

    def draw(self, path: Path) -> None:
        """All that was printed is a picture (SVG) in that file, without a font from elsewhere."""
        picture = self._console.export_svg(title="make demo", code_format=_SVG, unique_id="demo")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture)

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
