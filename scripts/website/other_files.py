"""Parts of other files on a page: README is told once, and links to the code are its path."""

import posixpath
import re
from pathlib import Path

# On a line of its own: <!-- from README: Try it yourself -->
_PART = re.compile(r"^<!-- from README: (?P<title>.+) -->$", re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?!https?:|#)(?P<path>[^)#\s]+)(?:#[^)\s]*)?\)")


def take_over(markdown: str, root: Path, page: str) -> str:
    """The parts stand where they are asked for; of a link out of docs the file's path is left."""
    filled = _PART.sub(lambda found: _section(root, found["title"]), markdown)
    folder = posixpath.dirname(page)
    return _LINK.sub(lambda found: _kept_or_named(found, root, folder), filled)


def _section(root: Path, title: str) -> str:
    """README's section, with its links as from a page in docs.

    Raises:
        ValueError: README has no such section.
    """
    text = (root / "README.md").read_text()
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(title)
    return re.sub(r"\]\(docs/", "](", found[1])


def _kept_or_named(found: re.Match[str], root: Path, folder: str) -> str:
    target = posixpath.normpath(posixpath.join("docs", folder, found["path"]))
    inside = target.startswith("docs/") and not (root / target).is_dir()
    if inside or not (root / target).exists():
        return found[0]
    named = f"`{target}`"
    return named if found["text"].strip("`") == target else f"{found['text']} ({named})"
