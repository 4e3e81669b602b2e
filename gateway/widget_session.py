"""One widget's session: what its socket says, what that changes, how it ends.

A session is awaited (no hello yet), greeted (its card and record are being fetched and written),
live, then closed. It never waits: whatever takes time calls back.
"""

from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from domain.ids import DeviceId, ProjectId, SessionId, VisitorId
from domain.outcomes import Outcome, RefusedRequest, Sent
from domain.rate_windows import RateWindow
from gateway import answers, hellos, identity_frames, sendings
from gateway.changes import Change
from gateway.closes import Close
from gateway.frames import (
    ClientFrame,
    FrameInvalid,
    Hello,
    Ping,
    ProtocolBroken,
    SignIn,
    SignOut,
    parse_frame,
)
from gateway.phases import Phase
from gateway.recordings import Lapse
from gateway.sockets import Socket
from storage.redis.buckets import Bucket
from storage.redis.session_writer import BindResult

if TYPE_CHECKING:
    from gateway.context import NodeContext
    from gateway.project_rooms import ProjectRoom


class WidgetSession:
    """Listens to one socket.

    `is_counted` says that its project's connect limit was asked. `generation` is the secret that
    vouches for the session, None while it is anonymous; `proof` identifies the verification that
    does, None once it is over. `change` is the one identity change in flight, `next_change` the
    newest that waits for it. `stale_device` says that SQL has ended the session's device without
    the session having got the new one. `is_person` says that it signed in itself, even if its proof
    is over by now; `unsent` are messages with the change of identity that each waits for,
    `sendings` counts those in flight. `departures` counts the sign-outs asked for, `departed` those
    that a change of identity has made good: the others' leaver may be who the session still is.
    """

    __slots__ = (
        "bucket",
        "change",
        "close",
        "departed",
        "departures",
        "device_id",
        "generation",
        "is_counted",
        "is_moving",
        "is_person",
        "messages",
        "next_change",
        "node",
        "opened_at",
        "person_epoch",
        "phase",
        "project_id",
        "proof",
        "proof_ends_at",
        "room",
        "sendings",
        "session_id",
        "sign_ins",
        "sign_outs",
        "socket",
        "stale_device",
        "unsent",
        "visitor_id",
    )

    def __init__(self, socket: Socket, node: "NodeContext") -> None:
        self.socket = socket
        self.node = node
        self.project_id = ProjectId(socket.project_id)
        self.phase = Phase.AWAITED
        self.opened_at = monotonic()
        self.close: Close | None = None
        self.session_id = SessionId("")
        self.device_id = DeviceId("")
        self.visitor_id = VisitorId("")
        self.room: ProjectRoom | None = None
        self.bucket: Bucket | None = None
        self.is_counted = False
        self.is_moving = False
        self.generation: int | None = None
        self.person_epoch = 0
        self.is_person = False
        self.proof: object | None = None
        self.proof_ends_at: datetime | None = None
        self.change: Change | None = None
        self.next_change: Change | None = None
        self.stale_device = False
        self.sign_ins = RateWindow()
        self.sign_outs = RateWindow()
        self.messages = RateWindow()
        self.departures = self.departed = 0
        self.unsent: list[sendings.Unsent] = []
        self.sendings = 0

    def received(self, text: bytes, /) -> None:
        """What the frame asks for is done, begun, or refused."""
        if monotonic() >= self.node.lease.trusted_until:
            self.node.fence()
        if self.phase is Phase.CLOSED:
            return
        try:
            frame = parse_frame(text)
        except ProtocolBroken:
            self.end(Close.PROTOCOL_ERROR)
        except FrameInvalid as fault:
            self.socket.send(answers.error(fault.frame_id, "frame_invalid", fault.message))
        else:
            self._act_on(frame)

    def _act_on(self, frame: ClientFrame) -> None:
        is_first = self.phase is Phase.AWAITED
        if isinstance(frame, Hello) is not is_first:
            self.end(Close.PROTOCOL_ERROR)
        elif isinstance(frame, Ping):
            self.socket.send(answers.PONG)
        elif isinstance(frame, SignIn):
            identity_frames.sign_in(self, frame)
        elif isinstance(frame, SignOut):
            identity_frames.sign_out(self, frame)
        elif isinstance(frame, Hello):
            hellos.greet(self, frame)
        else:
            sendings.say(self, frame)

    def welcomed(self, room: "ProjectRoom") -> None:
        """The session is live in the room, as an anonymous visitor, and its widget knows."""
        self.room = room
        self.phase = Phase.LIVE
        self.node.awaited.discard(self)
        self.node.by_id[self.session_id] = self
        room.add(self)
        room.threads.add(self)
        self.socket.send(answers.welcome(self.session_id, self.device_id, self.visitor_id))
        self.go_on()

    def become(
        self, generation: int | None, visitor_id: VisitorId, device_id: DeviceId | None
    ) -> None:
        """The session is this visitor's, vouched for by this generation; None: anonymous.

        A device given is its device from now on. Anonymous as the visitor that it was, it has only
        lost its proof.
        """
        if self.room is not None:
            self.room.remove(self)
            self.room.threads.remove(self)
        self.is_person = generation is not None or (
            self.is_person and visitor_id == self.visitor_id
        )
        self.visitor_id = visitor_id
        if self.room is not None:
            self.generation = generation
            self.room.add(self)
            self.room.threads.add(self)
        if device_id is not None:
            self.device_id = device_id
            self.stale_device = False
        self.node.unrecorded.discard(self)

    def is_made_anonymous(self, result: BindResult | None) -> bool:
        """Whether the session, unbound in Redis, is anonymous now; if not, it has ended."""
        self.is_moving = False
        if self.phase is Phase.CLOSED:
            self.drop_record()
            return False
        if result is None:
            self.end(Close.TRY_AGAIN)
            return False
        self.become(None, self.visitor_id, None)
        return True

    def go_on(self) -> None:
        """What is due has begun, if nothing else is under way."""
        lapses = self.generation is not None and self.proof is None
        if self.phase is Phase.LIVE and not (self.stale_device or lapses):
            sendings.send_due(self)
        if self.phase is not Phase.LIVE or self.change is not None:
            return
        if self.stale_device:
            self.end(Close.TRY_AGAIN)
        elif lapses:  # before another word of it could pass for verified
            self.begin_change(Lapse(self))
        elif self.next_change is not None and not self.sendings:
            change, self.next_change = self.next_change, None
            self.begin_change(change)

    def begin_change(self, change: Change) -> None:
        """The change is the one under way; none was."""
        self.change = change
        change.begin()

    def finish_change(self) -> None:
        """The change under way is over; the next begins."""
        self.change = None
        self.go_on()

    def cancel_change(self) -> None:
        """The change under way is over for this session, whatever still comes of it."""
        cancelled, self.change = self.change, None
        if cancelled is not None:
            cancelled.withdraw()
            cancelled.supersede()

    def let_wait(self, change: Change) -> None:
        """The change is next; one that waited before it is told so."""
        waited, self.next_change = self.next_change, change
        if waited is not None:
            waited.supersede()

    def note_stray(self, outcome: Outcome) -> None:
        """An outcome came that the session does not wait for; it may have ended its device.

        Then the session ends, unless a change under way gives it another device: the widget comes
        back and gets a fresh one.
        """
        if isinstance(outcome, RefusedRequest | Sent) or self.phase is not Phase.LIVE:
            return
        if outcome.ended_device_id == self.device_id:
            self.stale_device = True
            self.go_on()

    def proof_expiring(self) -> None:
        """The widget is asked for a fresh token, while there is time."""
        if self.proof_ends_at is not None:
            self.socket.send(answers.reauthenticate("proof_expiring", self.proof_ends_at))

    def ask_anew(self, frame: bytes) -> None:
        """The widget gets the frame, if the session is live."""
        if self.phase is Phase.LIVE:
            self.socket.send(frame)

    def proof_expired(self) -> None:
        """The session goes on, but as one that nothing vouches for."""
        self.proof = self.proof_ends_at = None
        self.socket.send(answers.proof_ended(self.visitor_id))
        self.go_on()

    def is_late(self) -> None:
        """The welcome took too long: for want of a hello, or of whatever it needed."""
        owes_hello = self.phase is Phase.AWAITED
        self.end(Close.HELLO_TIMEOUT if owes_hello else Close.TRY_AGAIN)

    def say_last(self, close: Close) -> None:
        """The widget hears why its socket is being closed; `end` has to follow in the same turn."""
        if self.phase is not Phase.CLOSED:
            self.socket.close(close.frame())

    def end(self, close: Close) -> None:
        """The socket is being closed for this reason; nothing more happens on this session."""
        if self.phase is Phase.CLOSED:
            return
        self.close = close
        self._leave()
        if self.socket.is_open:
            self.socket.close(close.frame())

    def closed(self) -> None:
        """The connection is gone, and with it the session."""
        self._leave()
        self.node.sessions.discard(self)
        reason = self.close.reason if self.close else self.socket.ending
        self.node.metrics.closes.labels(reason).inc()
        self.node.close_log.add(
            project_id=self.project_id,
            session_id=self.session_id or None,
            generation=self.generation,
            reason=reason,
            seconds=round(monotonic() - self.opened_at, 3),
        )

    def _leave(self) -> None:
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self.proof = None
        self.node.awaited.discard(self)
        if self.change is not None:
            self.change.withdraw()
        self.change = self.next_change = None
        self.node.by_id.pop(self.session_id, None)
        self.node.unrecorded.discard(self)
        if self.room is not None:
            self.room.remove(self)
            self.room.threads.remove(self)
        sendings.forget_unsent(self)
        if not self.is_moving:
            self.drop_record()

    def drop_record(self) -> None:
        """Redis will have no record of the session.

        That of a revoked generation goes with its whole bucket, which the worker drops by name.
        """
        generation = self.bucket.generation if self.bucket is not None else None
        if generation is not None and self.room is not None and not self.room.accepts(generation):
            self.node.records.drop(self)
        else:
            self.node.records.unregister(self)
