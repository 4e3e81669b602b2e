"""Lists by pages: 50 items unless asked otherwise, and a cursor to what follows."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BeforeValidator, Field

from dashboard.errors import CursorInvalid
from domain import base64url
from domain.ids import is_uuid

USUAL = 50
MOST = 200
_DIGITS = re.compile(r"[0-9]{1,6}")

Item = TypeVar("Item")


def whole_number_to(most: int) -> Callable[[object], object]:
    """A reader of numbers in a query: digits alone, no sign, blank or fraction.

    Raises:
        ValueError: it is none; the message names the largest that is meant.
    """

    def whole_number(text: object) -> object:
        if isinstance(text, str):
            if not _DIGITS.fullmatch(text):
                message = f"give a whole number from 1 to {most}"
                raise ValueError(message)
            return int(text)
        return text

    return whole_number


Limit = Annotated[
    int,
    Field(ge=1, le=MOST),
    BeforeValidator(whole_number_to(MOST)),
    Query(description="Items a page."),
]
Cursor = Annotated[
    str | None, Query(description="The `next_cursor` of the page before.", max_length=200)
]


@dataclass(frozen=True, slots=True)
class Page:
    """The wanted page of one kind of list."""

    kind: str
    limit: int
    after: str | None

    @property
    def ahead(self) -> int:
        """How many items to read: one more than wanted tells whether more follow."""
        return self.limit + 1

    def cut(
        self, items: Sequence[Item], id_of: Callable[[Item], str]
    ) -> tuple[list[Item], str | None]:
        """The page's items, and the cursor to the next page if there is one."""
        page = list(items[: self.limit])
        more = len(items) > self.limit
        return page, self.cursor_to(id_of(page[-1])) if more else None

    def cursor_to(self, last_id: str) -> str:
        """The cursor to what follows the item of this id."""
        return _encode(self.kind, last_id)


def page_of(kind: str) -> Callable[..., Coroutine[Any, Any, Page]]:
    """A dependency that reads `limit` and `cursor` of such a list.

    Raises:
        CursorInvalid: the cursor is of another list, or of our making not at all.
    """

    async def page(limit: Limit = USUAL, cursor: Cursor = None) -> Page:
        return Page(kind, limit, None if cursor is None else _decode(kind, cursor))

    return page


def _encode(kind: str, last_id: str) -> str:
    return base64url.encode(f"{kind}:{last_id}".encode()).decode()


def _decode(kind: str, cursor: str) -> str:
    try:
        its_kind, _, last_id = (
            base64url.decode(cursor.encode("ascii")).decode("ascii").partition(":")
        )
    except ValueError:
        raise CursorInvalid from None
    if its_kind != kind or not is_uuid(last_id):
        raise CursorInvalid
    return last_id
