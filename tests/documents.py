"""README and docs: the blocks in them that somebody may copy and run."""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
COMMANDS = frozenset({"sh", "shell", "console"})

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: what language it says it is in, and its text."""

    language: str
    text: str

    @property
    def is_commands(self) -> bool:
        """Whether it is to be typed into a terminal."""
        return self.language in COMMANDS


def list_documents() -> list[Path]:
    """README and every page in docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read_blocks(path: Path) -> list[Block]:
    """The document's blocks in their order; one in a list without its indentation."""
    found = _BLOCK.findall(path.read_text())
    return [Block(language, dedent(text)) for _, language, text in found]
