"""What all widget sessions of one node share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.device_ids import RANDOM_BYTES as DEVICE_RANDOM_BYTES
from domain.device_ids import DeviceIds
from domain.ids import (
    UUID7_RANDOM_BYTES,
    DeviceId,
    NodeId,
    ProjectId,
    RequestId,
    SessionId,
    uuid7,
)
from domain.queue_sealing import TokenSealer
from domain.times import to_wire
from gateway.card_shelf import CardShelf
from gateway.close_log import CloseLog
from gateway.connect_limits import ConnectLimits
from gateway.lane_driver import LaneDriver
from gateway.lease import Lease
from gateway.metrics import Metrics
from gateway.proofs import ProofClock
from gateway.randomness import RandomBytes
from gateway.refusal_counts import RefusalCounts
from gateway.retirements import Retirements
from gateway.revocations import Revocations
from gateway.session_records import SessionRecords
from gateway.sockets.deadlines import Deadlines
from gateway.steps import Reached, pass_by
from gateway.words_waiting import WordsWaiting

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession


@dataclass(slots=True)
class NodeContext:
    """The node, seen from one of its sockets.

    `utc_now` is the clock that it shares with the workers. `fence` is called where the lease is
    found not to be trusted any more; it closes every signed-in socket and may be called again.
    `sessions` has one for every open socket, `awaited` those not welcomed yet, `max_awaited` at
    most, `by_id` those that are live, `unrecorded` the live ones whose record Redis may have lost.
    `hears_signals` is false while an outcome would find nobody listening. `words_waiting` counts
    the messages of all sockets that wait for a change of identity.
    """

    node_id: NodeId
    device_ids: DeviceIds
    token_sealer: TokenSealer
    shelf: CardShelf
    records: SessionRecords
    verifications: LaneDriver
    sign_outs: LaneDriver
    messages: LaneDriver
    proofs: ProofClock
    retirements: Retirements
    lease: Lease
    revocations: Revocations
    connects: ConnectLimits
    metrics: Metrics
    refusal_counts: RefusalCounts
    fence: Callable[[], None]
    awaited: "Deadlines[WidgetSession]"
    max_awaited: int
    words_waiting: WordsWaiting
    sessions: set["WidgetSession"] = field(default_factory=set)
    by_id: dict[SessionId, "WidgetSession"] = field(default_factory=dict)
    close_log: CloseLog = field(default_factory=CloseLog)
    hears_signals: bool = False
    unrecorded: set["WidgetSession"] = field(default_factory=set)
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random_bytes: Callable[[int], bytes] = field(default_factory=RandomBytes)
    reached: Reached = pass_by

    @property
    def takes_sign_ins(self) -> bool:
        """Whether a sign-in begun now could come to its end."""
        return self.hears_signals and self.lease.is_held

    def new_id(self) -> str:
        """A fresh UUIDv7."""
        return uuid7(self.utc_now(), self.random_bytes(UUID7_RANDOM_BYTES))

    def request_wire(
        self,
        request_id: RequestId,
        project_id: ProjectId,
        session_id: SessionId | None = None,
        device_id: DeviceId | None = None,
    ) -> dict[str, object]:
        """What every request to a worker says; each kind adds its own."""
        return {
            "request_id": request_id,
            "project_id": project_id,
            "session_id": session_id,
            "device_id": device_id,
            "node_id": self.node_id,
            "received_at": to_wire(self.utc_now()),
        }

    def new_session_id(self) -> SessionId:
        """A fresh session's id."""
        return SessionId(self.new_id())

    def new_device(self, project_id: ProjectId) -> DeviceId:
        """A fresh device id, certified for the project."""
        return self.device_ids.issue(
            project_id, self.utc_now(), self.random_bytes(DEVICE_RANDOM_BYTES)
        )
