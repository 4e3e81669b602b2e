"""What the sockets' room asks of the rest of the gateway, and what it offers it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """A well-formed request for a socket: everything but the permission has been checked.

    `project_id` is 1 to 64 letters, digits, hyphens or underscores; `address` the client's own,
    seen through trusted proxies; `origin` the one Origin header, None where there was none.
    """

    project_id: str
    address: str
    origin: str | None


@dataclass(frozen=True, slots=True)
class UpgradeDecision:
    """Whether a socket is opened; a refusal is an HTTP response with a JSON error."""

    status: HTTPStatus
    code: str = ""
    message: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the socket is to be opened."""
        return self.status is HTTPStatus.SWITCHING_PROTOCOLS


ACCEPTED = UpgradeDecision(HTTPStatus.SWITCHING_PROTOCOLS)
ORIGIN_REFUSED = UpgradeDecision(
    HTTPStatus.FORBIDDEN, "origin_not_allowed", "This project does not allow this origin."
)


class Socket(Protocol):
    """One connected widget. For the event loop's thread only."""

    @property
    def project_id(self) -> str:
        """The project that the request named."""

    @property
    def address(self) -> str:
        """The client's address, seen through trusted proxies."""

    @property
    def origin(self) -> str | None:
        """The page's origin, None for a client that is no browser."""

    @property
    def is_open(self) -> bool:
        """Whether messages still flow: False from the first close on, whoever began it."""

    @property
    def last_received(self) -> float:
        """When the peer was last heard, of whatever it sent; seconds of `time.monotonic()`."""

    @property
    def ending(self) -> str:
        """Why the socket is no longer open, as a word for logs; empty while it is."""

    def send(self, text: bytes, /) -> None:
        """The text is on its way as one text frame; nothing happens on a socket not open.

        A peer that takes nothing for 5 s, or leaves 256 KB waiting, is cut off.
        """

    def close(self, frame: bytes, /) -> None:
        """The frame (of `close_frame`) is on its way and further input is dropped.

        The connection ends when the peer has answered, at the latest after some seconds. Nothing
        happens on a socket not open.
        """


class SocketEvents(Protocol):
    """Who listens to one socket. What these raise is logged by type and closes that socket."""

    def received(self, text: bytes, /) -> None:
        """One whole text message has come: valid UTF-8, at most 16 KiB, fragments joined."""

    def closed(self) -> None:
        """The connection has ended: called exactly once, last, however it came about."""


Accept: TypeAlias = Callable[[UpgradeRequest], "UpgradeDecision | asyncio.Future[UpgradeDecision]"]
MakeEvents: TypeAlias = Callable[[Socket], SocketEvents]
