"""A visitor's messages, from the frame to `sent`.

On one socket frames take effect in their order: a message waits for the change of identity that
came before it, and a change waits for the messages that came before it. So nobody's words end in
the thread of whoever signs in next; nor, where a sign-out has not come about, in the leaver's.
"""

from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.cards import Limits
from domain.ids import RequestId
from domain.messages import MessageInvalid, check_client_id, check_text
from domain.outcomes import DeviceEnded, Outcome, RefusedRequest, Sent
from domain.refusals import RefusalCode
from gateway import answers
from gateway.changes import Change
from gateway.frames import Message
from gateway.lanes import LaneRequest
from gateway.phases import Phase
from gateway.refusals import refuse, refuse_unavailable

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession

MAX_UNSENT: Final = 64
_UNAVAILABLE: Final = (
    "The message could not be stored just now. Wait as long as retry_after_ms says, then send it"
    " again with the same id."
)
_STILL_THERE: Final = (
    "A sign-out came before this message and has not come about. Sign out again, or sign in, then"
    " send the message again with the same id."
)
_TOO_MANY: Final = (
    "Too many messages in a short time. Wait as long as retry_after_ms says, then try again."
)


class Unsent(NamedTuple):
    """A message, the change of identity that it waits for, and the sign-outs asked for before."""

    frame: Message
    behind: Change | None
    departures: int


def say(session: "WidgetSession", frame: Message) -> None:
    """The message is on its way, waits for what came before it, or is refused at once."""
    card = session.node.shelf.find_card(session.project_id)
    limit = (card.limits if card else Limits()).messages_per_socket
    now = monotonic()
    try:
        check_text(frame.text)
        check_client_id(frame.id)
    except MessageInvalid as fault:
        session.socket.send(answers.error(frame.id, "frame_invalid", str(fault)))
        return
    if not session.messages.admit(limit, now):
        wait_ms = session.messages.wait_ms(now)
        refuse(session, frame.id, RefusalCode.RATE_LIMITED, _TOO_MANY, wait_ms)
    elif not session.node.takes_sign_ins or (_has_to_wait(session) and _is_full(session)):
        refuse_unavailable(session, frame.id, _UNAVAILABLE)
    else:
        behind = session.next_change or session.change
        session.unsent.append(Unsent(frame, behind, session.departures))
        session.node.words_waiting.add(session.project_id)
        session.go_on()


def send_due(session: "WidgetSession") -> None:
    """Every message that waits for no change of identity any more is on its way, in order.

    Refused instead is what was said after a sign-out that no change has made good: whoever it was
    said by, the socket still speaks for whoever was to leave.
    """
    ahead = {session.change, session.next_change} - {None}
    while session.unsent and session.unsent[0].behind not in ahead:
        frame, _, departures = session.unsent.pop(0)
        session.node.words_waiting.remove(session.project_id)
        if departures > session.departed:
            refuse_unavailable(session, frame.id, _STILL_THERE)
            continue
        session.sendings += 1
        Sending(session, frame).begin()


def forget_unsent(session: "WidgetSession") -> None:
    """Nothing of the session's waits any more; it has ended."""
    if session.unsent:  # hardly ever, and ten thousand sessions may end at once
        session.node.words_waiting.remove(session.project_id, len(session.unsent))
        session.unsent.clear()


def _has_to_wait(session: "WidgetSession") -> bool:
    is_behind_a_change = session.change is not None or session.next_change is not None
    return session.phase is not Phase.LIVE or is_behind_a_change


def _is_full(session: "WidgetSession") -> bool:
    """Whether no more may wait, of this socket's, its project's or of all."""
    is_socket_full = len(session.unsent) >= MAX_UNSENT
    return is_socket_full or session.node.words_waiting.is_full(session.project_id)


class Sending:
    """One message in its lane; whatever becomes of the socket, it is stored."""

    __slots__ = ("_frame", "_session")

    def __init__(self, session: "WidgetSession", frame: Message) -> None:
        self._session = session
        self._frame = frame

    def begin(self) -> None:
        """The request waits in its lane: it says what the session is now."""
        request_id = RequestId(self._session.node.new_id())
        request = LaneRequest(request_id, self._session.project_id, self._wire(request_id), self)
        if not self._session.node.messages.submit(request):
            self.unanswered(request)

    def answered(self, request: LaneRequest, outcome: Outcome) -> None:
        """The widget knows what became of its message."""
        session = self._session
        if session.phase is Phase.CLOSED:
            return
        if isinstance(outcome, Sent):
            session.node.metrics.messages.inc()
            session.socket.send(answers.sent(self._frame.id, outcome.message_id))
        elif isinstance(outcome, RefusedRequest):
            text = _UNAVAILABLE if outcome.code == RefusalCode.UNAVAILABLE else outcome.message
            refuse(session, self._frame.id, outcome.code, text, outcome.retry_after_ms)
        else:
            if isinstance(outcome, DeviceEnded):
                session.note_stray(outcome)
            self.unanswered(request)
            return
        self._over()

    def unanswered(self, request: LaneRequest) -> None:  # noqa: ARG002 - the asker's protocol
        """The widget may send it again: the same id is stored once."""
        if self._session.phase is not Phase.CLOSED:
            refuse_unavailable(self._session, self._frame.id, _UNAVAILABLE)
            self._over()

    def _over(self) -> None:
        self._session.sendings -= 1
        self._session.go_on()

    def _wire(self, request_id: RequestId) -> dict[str, object]:
        session = self._session
        ids = (request_id, session.project_id, session.session_id, session.device_id)
        return session.node.request_wire(*ids) | {
            "client_id": self._frame.id,
            "text": self._frame.text,
            "visitor_id": session.visitor_id,
            "generation": session.generation,
            "person_epoch": session.person_epoch,
        }
