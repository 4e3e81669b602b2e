"""Signing in and out, from the worker's outcome to the bound session.

The worker decides and commits; the node, sole writer of its sessions, then binds. An outcome
counts only for the request that its session is waiting for now; any other is a stray.
"""

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from domain.ids import RequestId, is_uuid
from domain.outcomes import Outcome, RefusedRequest, SignedIn, SignedOut
from domain.refusals import SENTENCES, RefusalCode
from domain.tokens.shape import strip_scheme
from gateway import answers
from gateway.closes import Close
from gateway.frames import SignIn
from gateway.lane_driver import LaneDriver
from gateway.lanes import LaneRequest
from gateway.person_sign_outs import close_for
from gateway.phases import Phase
from gateway.refusals import (
    SIGN_OUT_UNAVAILABLE,
    count_refused_sign_in,
    refuse,
    refuse_superseded,
    refuse_unavailable,
)
from gateway.steps import Step
from storage.redis.session_writer import BindResult, BindStatus

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession


class IdentityChange:
    """One frame's wish, from its arrival to its answer; the asker of its request in a lane."""

    __slots__ = ("_began_at", "_departures", "_frame_id", "_request", "_request_id", "_session")

    _unavailable: ClassVar[str] = SENTENCES[RefusalCode.UNAVAILABLE]

    def __init__(self, session: "WidgetSession", frame_id: str) -> None:
        self._session = session
        self._frame_id = frame_id
        self._request_id = RequestId(session.node.new_id())
        self._request: LaneRequest | None = None
        self._departures = session.departures
        self._began_at = monotonic()

    @property
    def _lane(self) -> LaneDriver:
        """Which messages it travels in."""
        raise NotImplementedError

    def begin(self) -> None:
        """The request waits in its lane; the device it names is the session's now."""
        self._request = LaneRequest(self._request_id, self._session.project_id, self._wire(), self)
        if not self._lane.submit(self._request):
            self.unanswered(self._request)

    def withdraw(self) -> bool:
        """Whether it was still waiting in its lane, and is no more."""
        return self._request is not None and self._lane.withdraw(self._request)

    def supersede(self) -> None:
        """The widget is told that a newer frame took its place."""
        refuse_superseded(self._session, self._frame_id)

    def answered(self, request: LaneRequest, outcome: Outcome) -> None:
        """What the worker says is done, if the session still waits for this."""
        try:
            self._answered(request, outcome)
        except Exception:
            self._session.end(Close.TRY_AGAIN)  # rather than a session that waits for ever
            raise

    def _answered(self, request: LaneRequest, outcome: Outcome) -> None:
        session = self._session
        if session.change is not self:
            session.note_stray(outcome)
        elif isinstance(outcome, RefusedRequest):
            is_told = outcome.code != RefusalCode.UNAVAILABLE  # workers say that of a sign-in
            text = outcome.message if is_told else self._unavailable
            refuse(session, self._frame_id, outcome.code, text, outcome.retry_after_ms)
            session.finish_change()
        elif (
            not isinstance(outcome, SignedIn | SignedOut)
            or not is_uuid(outcome.visitor_id)
            or not self._take(outcome)
        ):
            self.unanswered(request)

    def unanswered(self, request: LaneRequest) -> None:  # noqa: ARG002 - the asker's protocol
        """The widget may try again."""
        if self._session.change is self:
            refuse_unavailable(self._session, self._frame_id, self._unavailable)
            self._session.finish_change()

    def _come_about(self) -> None:
        """Whoever was to leave before this has left; the next change begins."""
        self._session.departed = self._departures
        self._session.finish_change()

    def _take(self, outcome: SignedIn | SignedOut) -> bool:
        """Whether the outcome is one of this kind of change; then it is being carried out."""
        raise NotImplementedError

    def _wire(self) -> dict[str, object]:
        session = self._session
        ids = (self._request_id, session.project_id, session.session_id, session.device_id)
        return session.node.request_wire(*ids)


class SigningIn(IdentityChange):
    """A token on its way, sealed."""

    __slots__ = ("_sealed",)

    def __init__(self, session: "WidgetSession", frame: SignIn) -> None:
        super().__init__(session, frame.id)
        token = strip_scheme(frame.token)
        self._sealed = session.node.token_sealer.seal(token, self._request_id, session.project_id)

    def unanswered(self, request: LaneRequest) -> None:
        """As of any change; and it is counted, as no worker may have."""
        if self._session.change is self:
            count_refused_sign_in(self._session, RefusalCode.UNAVAILABLE)
        super().unanswered(request)

    @property
    def _lane(self) -> LaneDriver:
        return self._session.node.verifications

    def _wire(self) -> dict[str, object]:
        return super()._wire() | {"token": self._sealed}

    def _take(self, outcome: SignedIn | SignedOut) -> bool:
        session = self._session
        if not isinstance(outcome, SignedIn) or session.room is None:
            return False
        session.node.reached(Step.OUTCOME_HEARD)
        session.node.records.bind(
            session,
            outcome.visitor_id,
            outcome.generation,
            outcome.ended_device_id,
            partial(self._bound, outcome),
            outcome.person_epoch,
        )
        session.is_moving = True  # asked for: `_bound` comes on a later turn of the loop
        session.room.bind_begun(outcome.generation)
        return True

    def _bound(self, outcome: SignedIn, result: BindResult | None) -> None:
        """The epoch was compared in Redis; the node's own, raised meanwhile, is compared again."""
        session, room = self._session, self._session.room
        session.node.reached(Step.BOUND)
        session.is_moving = False
        if room is None:
            return
        ended = room.find_ended(outcome.visitor_id, outcome.person_epoch)
        room.bind_over(outcome.generation)
        session.node.revocations.learn_epoch(room, result.epoch if result else None)
        if session.phase is Phase.CLOSED:
            session.drop_record()
        elif result is None or not session.node.lease.is_held:
            session.end(Close.TRY_AGAIN)
        elif result.status is BindStatus.CARD_MISSING:
            self._without_card(outcome)
        elif result.status is BindStatus.BEHIND or not room.accepts(outcome.generation):
            session.end(Close.SECRET_REVOKED)
            session.node.revocations.closed_late(room, outcome.generation)
        elif result.status is BindStatus.PERSON_BEHIND or ended is not None:
            session.end(close_for(ended.reason if ended else result.reason))
        else:
            self._signed_in(outcome)
        session.node.revocations.settle(room)

    def _without_card(self, outcome: SignedIn) -> None:
        """Missing means closed: nobody is signed in while nobody can say what is revoked."""
        session = self._session
        session.node.shelf.is_missing(session.project_id)
        if outcome.ended_device_id is not None:
            session.end(Close.TRY_AGAIN)
        else:
            refuse_unavailable(session, self._frame_id)
            session.finish_change()

    def _signed_in(self, outcome: SignedIn) -> None:
        session, node = self._session, self._session.node
        session.become(outcome.generation, outcome.visitor_id, outcome.device_id)
        session.person_epoch = outcome.person_epoch
        session.proof = proof = object()
        session.proof_ends_at = outcome.expires_at
        session.socket.send(answers.signed_in(self._frame_id, session.device_id, outcome))
        node.metrics.sign_ins.inc()
        node.metrics.sign_in_seconds.observe(monotonic() - self._began_at)
        seconds = (outcome.expires_at - node.utc_now()).total_seconds()
        node.proofs.watch(session, proof, seconds)
        self._come_about()


class SigningOut(IdentityChange):
    """The visitor leaves; the socket stays, with a fresh device and an empty record."""

    __slots__ = ()

    _unavailable = SIGN_OUT_UNAVAILABLE

    @property
    def _lane(self) -> LaneDriver:
        return self._session.node.sign_outs

    def _take(self, outcome: SignedIn | SignedOut) -> bool:
        if not isinstance(outcome, SignedOut):
            return False
        self._session.node.records.bind(
            self._session,
            outcome.visitor_id,
            None,
            outcome.ended_device_id,
            partial(self._unbound, outcome),
        )
        self._session.is_moving = True
        return True

    def _unbound(self, outcome: SignedOut, result: BindResult | None) -> None:
        session = self._session
        if not session.is_made_anonymous(result):
            return
        session.become(None, outcome.visitor_id, outcome.device_id)
        session.person_epoch = 0
        session.proof = session.proof_ends_at = None
        session.node.metrics.sign_outs.inc()
        session.socket.send(
            answers.signed_out(self._frame_id, session.device_id, session.visitor_id)
        )
        self._come_about()
