"""Changes of a session's record that no widget asks for."""

from typing import TYPE_CHECKING

from gateway.person_sign_outs import close_for
from gateway.phases import Phase
from storage.redis.session_writer import BindResult, BindStatus

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession


class Lapse:
    """The proof is over: the session goes among the anonymous, as the same visitor."""

    __slots__ = ("_session",)

    def __init__(self, session: "WidgetSession") -> None:
        self._session = session

    def begin(self) -> None:
        """Redis is asked to move the record."""
        session = self._session
        session.is_moving = True
        session.node.records.bind(session, session.visitor_id, None, None, self._moved)

    def withdraw(self) -> bool:
        """It never only waits."""
        return False

    def supersede(self) -> None:
        """Nobody asked for it."""

    def _moved(self, result: BindResult | None) -> None:
        if self._session.is_made_anonymous(result):
            self._session.finish_change()


class Rewriting:
    """Redis may have lost the record: it is written anew, if its generation may still stand.

    Begun by sweeps only: without an answer or a card the next one tries again.
    """

    __slots__ = ("_session",)

    def __init__(self, session: "WidgetSession") -> None:
        self._session = session

    def begin(self) -> None:
        """What may be left of the record goes, and it is written where there is room."""
        session = self._session
        session.is_moving = True
        session.node.records.unregister(session)
        session.node.records.bind(
            session,
            session.visitor_id,
            session.generation,
            None,
            self._written,
            session.person_epoch,
        )

    def withdraw(self) -> bool:
        """It never only waits."""
        return False

    def supersede(self) -> None:
        """Nobody asked for it."""

    def _written(self, result: BindResult | None) -> None:
        session, room = self._session, self._session.room
        session.is_moving = False
        if result is not None and result.status is BindStatus.BOUND:
            session.node.unrecorded.discard(session)
        if session.phase is Phase.CLOSED:
            session.drop_record()
            return
        if room is not None and result is not None:
            session.node.revocations.learn_epoch(room, result.epoch)
        if result is not None and result.status is BindStatus.PERSON_BEHIND:
            session.end(close_for(result.reason))
        session.finish_change()
