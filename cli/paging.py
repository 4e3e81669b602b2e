"""Lists page by page: nothing is left out of one without a word."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from cli.printing import say

Item = TypeVar("Item")


def cut(
    found: Sequence[Item], limit: int, id_of: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """The page, and the cursor to the next one if there is one.

    Args:
        found: one item more than the page may have, if there are so many.
        limit: how many it may have.
        id_of: what the next page begins behind.
    """
    page = found[:limit]
    return page, id_of(page[-1]) if len(found) > limit else None


def say_more(next_cursor: str | None) -> None:
    """Whoever reads the table knows if there are more, and how to see them."""
    if next_cursor:
        say(f"There are more: add `--cursor {next_cursor}` for the next page.")
