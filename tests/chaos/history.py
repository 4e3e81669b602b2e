"""What one run's clients saw, and when. All times are monotonic seconds of the driver's process."""

import time
from dataclasses import dataclass, field
from datetime import datetime

SIGNED_IN = "signed_in"
LOST = "lost"

DELAY_SECONDS = 15.0
"""How late a revocation may be after the last fault: three sweeps of 5 s.

The runs sweep every second, but what bounds the completion is not shortened with that: a dead
node's lease ends after 10 s (then a sweep), and a lost event is repeated within 4 s.
"""

PATIENT_SECONDS = 60.0
"""What tests allow: a machine that others share may stand still for longer than is left over.

`make chaos` and `make mutations` hold the delay itself.
"""


@dataclass(slots=True)
class Attempt:
    """One sign-in. `outcome`: signed_in, refused:<code>, closed:<code>, or lost: no answer came."""

    project: str
    key_id: str
    gateway: str
    custom_id: str
    sent_at: float
    answered_at: float = 0.0
    outcome: str = LOST
    visitor_id: str = ""


@dataclass(slots=True)
class SocketLife:
    """One socket. `key_id` vouches for it since `bound_at`; `code` is None while it is open.

    `tried` is the key of the latest token that was sent on it, `presented` has all of them.
    A socket that the driver itself has closed has the code 0. `served_at` is when the latest ping
    that was answered had been sent.
    """

    project: str
    gateway: str
    session: str
    opened_at: float
    key_id: str | None = None
    bound_at: float = 0.0
    closed_at: float = 0.0
    code: int | None = None
    served_at: float = 0.0
    tried: str | None = None
    presented: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Regenerate:
    """One regenerate; without `answered_at` it may or may not have happened."""

    project: str
    called_at: float
    answered_at: float | None = None
    key_id: str | None = None
    rotation_id: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One fault: from its beginning until everything was as before again."""

    kind: str
    target: str
    began_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was acknowledged."""

    project: str
    message_id: str


@dataclass(slots=True)
class History:
    """Everything that happened in one run.

    `probes` are the last attempts of all, with good tokens, after everything was well again.
    `delay_seconds` is how late a revocation may be.
    """

    attempts: list[Attempt] = field(default_factory=list)
    sockets: list[SocketLife] = field(default_factory=list)
    regenerates: list[Regenerate] = field(default_factory=list)
    faults: list[FaultSpan] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    probes: list[Attempt] = field(default_factory=list)
    delay_seconds: float = DELAY_SECONDS
    wall_offset: float = field(default_factory=lambda: time.time() - time.monotonic())

    def at(self, moment: datetime) -> float:
        """A wall clock's moment on the driver's clock."""
        return moment.timestamp() - self.wall_offset

    def last_fault_end(self) -> float:
        """When everything was well again for the last time; the beginning of time without any."""
        return max((fault.ended_at for fault in self.faults), default=0.0)
