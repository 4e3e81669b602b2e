"""State diagrams, drawn as they stand: states in a column, transitions as arcs beside it.

GitHub draws the same blocks itself. Downward arcs are on the right, upward ones on the left; each
has a number, and what causes it stands below.
"""

import html
import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ARC = re.compile(r"^\s*(\[\*\]|\w+) --> (\w+): (.+)$", re.MULTILINE)
_START = "[*]"

STEP = 74
BOX = (150, 36)
MIDDLE = 330
_WIDTH = 660


@dataclass(frozen=True)
class Arc:
    """One transition."""

    number: int
    source: str
    target: str
    cause: str


def draw_all(markdown: str) -> str:
    """Every state diagram of the page is a drawing with its causes."""
    return _BLOCK.sub(lambda found: draw(found[1]), markdown)


def draw(block: str) -> str:
    """The diagram as a figure of inline SVG and a numbered list."""
    arcs = [Arc(n, *found) for n, found in enumerate(_ARC.findall(block), 1)]
    states = _order(arcs)
    place = {state: 40 + STEP * index for index, state in enumerate(states)}
    height = STEP * len(states) + 20
    drawn = [_arc(arc, place) for arc in arcs] + [_state(s, place[s]) for s in states]
    causes = "".join(f"<li>{_cause(arc)}</li>" for arc in arcs)
    names = ", ".join(states[1:])
    return (
        f'<figure class="diagram"><svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="States {names}; the list says how one becomes another">{_HEADS}'
        f"{''.join(drawn)}</svg><figcaption><ol>{causes}</ol></figcaption></figure>"
    )


def _order(arcs: list[Arc]) -> list[str]:
    """States by how many steps they are from the start, as far as that goes."""
    order = [_START]
    for state in order:
        order += list(
            dict.fromkeys(a.target for a in arcs if a.source == state and a.target not in order)
        )
    return order + sorted({a.source for a in arcs} - set(order))


def _state(name: str, y: int) -> str:
    if name == _START:
        return f'<circle class="start" cx="{MIDDLE}" cy="{y}" r="9"/>'
    width, height = BOX
    return (
        f'<rect class="state" x="{MIDDLE - width / 2}" y="{y - height / 2}" '
        f'width="{width}" height="{height}" rx="18"/>'
        f'<text class="name" x="{MIDDLE}" y="{y + 5}">{html.escape(name)}</text>'
    )


def _arc(arc: Arc, place: dict[str, int]) -> str:
    start, end = place[arc.source], place[arc.target]
    side = 1 if end > start else -1
    edge = MIDDLE + side * BOX[0] / 2
    begin = MIDDLE + side * 9 if arc.source == _START else edge
    reach = edge + side * (22 + abs(end - start) / STEP * 38)
    # Arcs that leave or reach the same state do so a little apart.
    start, end = start + arc.number % 3 * 5 - 5, end + arc.number % 4 * 5 - 7
    x, y = (begin + 3 * reach * 2 + edge) / 8, (start + end) / 2
    return (
        f'<path class="arc" marker-end="url(#head)" '
        f'd="M{begin} {start} C{reach} {start} {reach} {end} {edge + side * 6} {end}"/>'
        f'<circle class="badge" cx="{x:.0f}" cy="{y:.0f}" r="11"/>'
        f'<text class="number" x="{x:.0f}" y="{y + 4:.0f}">{arc.number}</text>'
    )


def _cause(arc: Arc) -> str:
    source = "" if arc.source == _START else f"{arc.source} "
    return f"{source}→ {arc.target}: {html.escape(arc.cause)}"


_HEADS = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
    'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker></defs>'
)
