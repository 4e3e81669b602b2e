"""Which live sessions read which thread: a person's, if they signed in themselves, or their own."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from domain.ids import VisitorId

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession


class Threads:
    """The readers of one project's threads on this node.

    A person's id may be that of the anonymous record they began as, so a socket that speaks for
    that record without having signed in is told apart: it reads nothing of the person's.
    """

    __slots__ = ("_anonymous", "_persons")

    def __init__(self) -> None:
        self._persons: dict[VisitorId, set[WidgetSession]] = {}
        self._anonymous: dict[VisitorId, set[WidgetSession]] = {}

    def add(self, session: "WidgetSession") -> None:
        """The session reads the thread of whom it speaks for now."""
        self._of(session.is_person).setdefault(session.visitor_id, set()).add(session)

    def remove(self, session: "WidgetSession") -> None:
        """The session, unchanged since it was added, reads no thread."""
        threads = self._of(session.is_person)
        readers = threads.get(session.visitor_id)
        if readers is None:
            return
        readers.discard(session)
        if not readers:
            del threads[session.visitor_id]

    def readers(self, visitor_id: VisitorId, *, is_person: bool) -> "list[WidgetSession]":
        """Who reads the thread of this person, or of this anonymous record."""
        return list(self._of(is_person).get(visitor_id, ()))

    @property
    def persons(self) -> Collection[VisitorId]:
        """Every person that some session signed in as."""
        return self._persons.keys()

    def _of(self, is_person: bool) -> "dict[VisitorId, set[WidgetSession]]":  # noqa: FBT001
        return self._persons if is_person else self._anonymous
