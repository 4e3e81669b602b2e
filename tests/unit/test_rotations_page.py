"""The page about rotations shows the table that the code carries out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.rotation_table import TABLE
from domain.rotation_transitions import Cell, Command, Dating, Phase, Transition
from domain.rotations import RotationState
from domain.signing_secrets import SecretState

PAGE = Path(__file__).parents[2] / "docs" / "rotations.md"

UNDER_WAY = {
    Phase.WAITING: RotationState.SCHEDULED,
    Phase.UNUSED: RotationState.OVERLAPPING,
    Phase.USED: RotationState.OVERLAPPING,
    Phase.CANCELLED_UNUSED: RotationState.CANCELLED,
    Phase.CANCELLED_USED: RotationState.CANCELLED,
}
BEGINNING = "[*]"
MOST_NAMED = 3


def _transitions() -> Iterator[tuple[Command, Phase, Transition]]:
    for command, row in TABLE.items():
        for phase, cell in row.items():
            if isinstance(cell, Transition):
                yield command, phase, cell


def _diagram(arrows: list[tuple[str, str, str]]) -> str:
    labels: dict[tuple[str, str], list[str]] = {}
    for before, after, label in arrows:
        known = labels.setdefault((before, after), [])
        if label not in known:
            known.append(label)
    lines = [f"    {a} --> {b}: {' / '.join(said)}" for (a, b), said in labels.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _secrets() -> str:
    """How secrets pass from state to state."""
    arrows = []
    for command, _, change in _transitions():
        passages = {
            BEGINNING: change.new,
            SecretState.WAITING: change.waiting,
            SecretState.ACTIVE: change.active,
            SecretState.RETIRING: change.retiring,
        }
        arrows += [(str(a), str(b), str(command)) for a, b in passages.items() if b]
    return _diagram(arrows)


def _rotations() -> str:
    """How rotations do; completing is the receipt's business."""
    arrows = []
    for command, phase, change in _transitions():
        if change.begun:
            arrows.append((BEGINNING, str(change.begun), str(command)))
        if change.standing:
            arrows.append((str(UNDER_WAY[phase]), str(change.standing), str(command)))
    return _diagram([*arrows, ("cutting", "completed", "receipt complete")])


def _table() -> str:
    """Every command; the phases in which it does the same in one line."""
    lines = [
        "| command | in phase | secrets | rotation | date | then |",
        "|---|---|---|---|---|---|",
    ]
    for command, row in TABLE.items():
        groups: dict[str, list[Phase]] = {}
        for phase, cell in row.items():
            groups.setdefault(_words(phase, cell), []).append(phase)
        for words, phases in groups.items():
            where = "any other" if len(phases) > MOST_NAMED else " · ".join(phases)
            lines.append(f"| {command} | {where} | {words} |")
    return "\n".join(lines)


def _words(phase: Phase, cell: Cell) -> str:
    if not isinstance(cell, Transition):
        return f"refused: `{cell.code}` | | |"
    if cell == Transition(phase):
        return "nothing | | |"
    secrets = {"retiring": cell.retiring, "active": cell.active, "waiting": cell.waiting}
    told = [f"{before} → {after}" for before, after in secrets.items() if after]
    told += [f"new: {cell.new}"] if cell.new else []
    rotation = [f"→ {cell.standing}"] if cell.standing else []
    rotation += [f"new: {cell.begun}"] if cell.begun else []
    rotation += ["unguarded"] if cell.unguarded else []
    date = "" if cell.date is Dating.KEPT else str(cell.date)
    date += f" (`{cell.because}`)" if cell.because else ""
    then = "" if cell.then is phase else str(cell.then)
    return " | ".join([", ".join(told), ", ".join(rotation), date, then])


@pytest.mark.parametrize("part", [_secrets, _rotations, _table])
def test_the_page_shows_the_table(part: object) -> None:
    """Both diagrams and every row, as the table of the code has them now."""
    assert callable(part)
    assert part() in PAGE.read_text(), f"docs/rotations.md lacks:\n{part()}"


def test_the_page_explains_every_word() -> None:
    """Each phase, each reason for another date, each refusal."""
    page = PAGE.read_text()
    refusals = {
        cell.code for row in TABLE.values() for cell in row.values() if isinstance(cell, type)
    }
    because = {str(change.because) for *_, change in _transitions() if change.because}

    assert [word for word in refusals | because if f"* `{word}`" not in page] == []
    assert [phase for phase in Phase if f"* **{phase}**" not in page] == []
