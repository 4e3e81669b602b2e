"""A project, its site's back end, and visitors on devices: everything against SQL as it stands."""

import itertools
import os
from dataclasses import dataclass, field

from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId, MergeId, MessageId, RequestId, SessionId, VisitorId
from domain.messages import Message
from domain.outcomes import DeviceEnded, Outcome, RefusedRequest, Sent, SignedIn, SignedOut
from services.key_rings import KeyRings
from services.sign_out_everywhere import SignedOutEverywhere, sign_out_everywhere
from services.sign_out_visitors import SignOutRequest, VisitorSignOut
from services.store_messages import MessageRequest, MessageStore
from services.undo_merge import undo_merge
from services.verify_visitors import VisitorVerifier
from storage.sql import messages, visitors
from storage.sql.engine import Database
from storage.sql.merges import StoredMerge
from storage.sql.visitors import Merge
from tests.integration.scenes import (
    ADMINISTRATOR,
    DEVICES,
    SEALER,
    add_project,
    mint,
    new_device,
    open_transactor,
    request,
    rotate,
)


@dataclass
class Socket:
    """What a gateway node holds of one socket."""

    device: DeviceId
    visitor: VisitorId
    generation: int | None = None
    person_epoch: int = 0


@dataclass
class PeopleSite:
    """One project with a secret, and the use cases as workers have them."""

    database: Database
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.transactor, self.broker = open_transactor(self.database)
        self.project_id = add_project(self.transactor)
        self.secret = rotate(self.transactor, self.project_id).secret
        self.verifier = VisitorVerifier(self.transactor, KeyRings(SEALER), DEVICES)
        self.signer_out = VisitorSignOut(self.transactor, DEVICES)
        self.store = MessageStore(self.transactor, DEVICES)

    def socket(self, device: DeviceId | None = None) -> Socket:
        """A socket that has said hello: anonymous, whatever its device has been through."""
        device = device or new_device(self.project_id)
        return Socket(device, anonymous_visitor(device))

    def sign_in(self, socket: Socket, custom_id: str | int, **claims: object) -> SignedIn:
        """The socket is bound to what the token proves."""
        outcome = self.try_to_sign_in(socket, custom_id, **claims)
        assert isinstance(outcome, SignedIn), outcome
        assert outcome.device_id is not None
        socket.device, socket.visitor = outcome.device_id, outcome.visitor_id
        socket.generation, socket.person_epoch = outcome.generation, outcome.person_epoch
        return outcome

    def try_to_sign_in(self, socket: Socket, custom_id: str | int, **claims: object) -> Outcome:
        """The worker's answer, and nothing done about it."""
        token = mint(self.secret, custom_id, **claims)
        asked = request(self.project_id, token, socket.device)
        return self.verifier.verify([asked]).outcomes[0]

    def sign_out(self, socket: Socket) -> SignedOut:
        """The socket goes on as somebody new."""
        asked = SignOutRequest(_request_id(), self.project_id, SessionId("s"), socket.device)
        (outcome,) = self.signer_out.sign_out([asked])
        assert isinstance(outcome, SignedOut)
        socket.device, socket.visitor = outcome.device_id, outcome.visitor_id
        socket.generation, socket.person_epoch = None, 0
        return outcome

    def writing(self, socket: Socket, text: str, client_id: str | None = None) -> MessageRequest:
        """The request that a node sends for a `message` frame."""
        return MessageRequest(
            request_id=_request_id(),
            project_id=self.project_id,
            session_id=SessionId("s"),
            device_id=socket.device,
            visitor_id=socket.visitor,
            generation=socket.generation,
            person_epoch=socket.person_epoch,
            client_id=client_id or f"client-{next(self.numbers)}",
            text=text,
        )

    def say(self, socket: Socket, text: str, client_id: str | None = None) -> MessageId:
        """The message is in some thread."""
        outcome = self.try_to_say(socket, text, client_id)
        assert isinstance(outcome, Sent), outcome
        return outcome.message_id

    def try_to_say(
        self, socket: Socket, text: str, client_id: str | None = None
    ) -> Sent | DeviceEnded | RefusedRequest:
        """The worker's answer."""
        (outcome,) = self.store.store([self.writing(socket, text, client_id)])
        assert isinstance(outcome, Sent | DeviceEnded | RefusedRequest)
        return outcome

    def sign_out_everywhere(self, visitor_id: VisitorId) -> SignedOutEverywhere:
        """As an operator does it."""
        return self.transactor.run(
            lambda t: sign_out_everywhere(t, self.project_id, visitor_id, ADMINISTRATOR)
        )

    def undo(self, merge_id: str) -> StoredMerge:
        """As an operator does it."""
        return self.transactor.run(
            lambda t: undo_merge(t, self.project_id, MergeId(merge_id), ADMINISTRATOR)
        )

    def thread(self, visitor_id: VisitorId) -> list[Message]:
        """What is read through this id, oldest first."""
        with self.database.reading() as db:
            living = visitors.get_visitor(db, self.project_id, visitor_id)
            return messages.list_messages(db, living.id, limit=1_000)[::-1]

    def words(self, visitor_id: VisitorId) -> list[str]:
        """Their texts."""
        return [message.text for message in self.thread(visitor_id)]

    def merges(self, visitor_id: VisitorId) -> list[Merge]:
        """What the person absorbed."""
        with self.database.reading() as db:
            return visitors.list_merges(db, visitor_id, limit=1_000)


def _request_id() -> RequestId:
    return RequestId(f"request-{os.urandom(8).hex()}")
