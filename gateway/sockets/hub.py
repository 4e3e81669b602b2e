"""What all sockets of one process share: who decides, who listens, and how long peers may take."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.client_addresses import Network
from gateway.sockets.deadlines import Deadlines
from gateway.sockets.frames import close_frame
from gateway.sockets.interface import Accept, MakeEvents

SERVICE_RESTART = 1012
TOO_MANY_REQUESTS = 4429


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may take for what, how much it may leave unsent, how often it may speak.

    Every frame counts: pings, pongs and pieces of a message cost what a message costs.
    """

    request_seconds: float = 10.0
    closing_seconds: float = 3.0
    paused_seconds: float = 5.0
    unsent_bytes: int = 256 * 1024
    frames_per_minute: int = 6_000


class Awaited(Protocol):
    """A connection whose peer has until a deadline to do something."""

    def give_up(self, why: str) -> None:
        """The peer did not do it in time."""


def restarting_frame() -> bytes:
    """A close frame with 1012, whose time to come back differs from peer to peer."""
    wait = 500 + secrets.randbelow(9_500)
    return close_frame(SERVICE_RESTART, b'{"code":"restarting","retry_after_ms":%d}' % wait)


def flooding_frame() -> bytes:
    """A close frame with 4429, for a peer that speaks too often."""
    wait = 10_000 + secrets.randbelow(50_000)
    reason = b'{"code":"too_many_requests","retry_after_ms":%d}' % wait
    return close_frame(TOO_MANY_REQUESTS, reason)


@dataclass(slots=True)
class Hub:
    """One per protocol class; its deadlines belong to one event loop.

    `requests` holds connections that owe us a whole request, `closing` those that have had our
    last word, `paused` those whose peer takes nothing.
    """

    accept: Accept
    events: MakeEvents
    trusted_proxies: Sequence[Network] = ()
    patience: Patience = field(default_factory=Patience)
    restarting: Callable[[], bytes] = restarting_frame
    flooding: Callable[[], bytes] = flooding_frame
    stopping: bool = False
    requests: Deadlines[Awaited] = field(init=False)
    closing: Deadlines[Awaited] = field(init=False)
    paused: Deadlines[Awaited] = field(init=False)

    def __post_init__(self) -> None:
        self.requests = _deadlines(self.patience.request_seconds, "request_late")
        self.closing = _deadlines(self.patience.closing_seconds, "no_answer")
        self.paused = _deadlines(self.patience.paused_seconds, "takes_nothing")


def _deadlines(seconds: float, why: str) -> Deadlines[Awaited]:
    def expire(connection: Awaited) -> None:
        connection.give_up(why)

    return Deadlines(seconds, expire)
