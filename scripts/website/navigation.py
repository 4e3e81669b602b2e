"""The site's navigation: the pages that are there, each in its place; new ones find theirs."""

from collections.abc import Sequence
from typing import TypeAlias

Navigation: TypeAlias = list[dict[str, "str | Navigation"] | str]

# Pages that somebody has still to write are passed over; ones that are not named here come under
# the last section but one, so that none is lost.
_SECTIONS: dict[str, tuple[str, ...]] = {
    "Start": ("index.md", "quick-start.md"),
    "Concepts": (
        "concepts/how-it-goes-round.md",
        "concepts/keys.md",
        "concepts/epochs.md",
        "concepts/proofs.md",
        "concepts/merging.md",
    ),
    "For sites": (
        "site-guide.md",
        "jwt-guide.md",
        "sdk.md",
        "migrating.md",
        "drop-in.md",
    ),
    "For operators": ("operators-guide.md", "dashboard.md", "rotations.md", "operating.md"),
    "For platforms": ("platform-guide.md", "deployment.md", "performance.md", "reliability.md"),
    "Reference": (
        "reference/http-api.md",
        "reference/socket.md",
        "reference/tasks-and-events.md",
        "reference/command-line.md",
        "reference/settings.md",
    ),
}
_OTHERS = "More"
_ARCHITECTURE = "Architecture"
_DECISIONS = "decisions/"


def of(pages: Sequence[str]) -> Navigation:
    """Every page once, in its section; decision records by their numbers."""
    left = set(pages)
    navigation: Navigation = []
    for title, wanted in _SECTIONS.items():
        found: Navigation = [page for page in wanted if page in left]
        left -= set(wanted)
        if found:
            navigation.append({title: found})
    decisions: Navigation = [page for page in sorted(left) if page.startswith(_DECISIONS)]
    architecture: Navigation = ["architecture.md"] if "architecture.md" in left else []
    others: Navigation = [
        page for page in sorted(left - {"architecture.md"}) if not page.startswith(_DECISIONS)
    ]
    if others:
        navigation.append({_OTHERS: others})
    if architecture or decisions:
        navigation.append({_ARCHITECTURE: [*architecture, {"Decisions": decisions}]})
    return navigation
