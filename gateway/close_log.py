"""One line for every closed socket, written a few at a time.

A line costs as much as closing a socket. When a revocation ends ten thousand at once, the lines
must not stand between the other sockets and the event loop, so they are written in small portions.
"""

import asyncio
from collections import deque
from itertools import islice
from typing import Any

import structlog

log = structlog.get_logger(__name__)

PORTION = 10
PORTIONS_IN_A_BACKLOG = 400
PAUSE_SECONDS = 0.01
MAX_WAITING = 20_000


class CloseLog:
    """Lines about closed sockets; beyond a bound the oldest are dropped, and counted."""

    def __init__(self) -> None:
        self._waiting: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def add(self, **fields: Any) -> None:
        """The line will be written soon; at once after `close`."""
        if self._is_closed:
            log.info("socket_closed", **fields)
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(fields)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._write_portion)

    def close(self) -> None:
        """No line waits any more, nor will."""
        self._is_closed = True
        self._write(len(self._waiting))
        if self._timer is not None:
            self._timer.cancel()

    def _write_portion(self) -> None:
        self._write(max(PORTION, len(self._waiting) // PORTIONS_IN_A_BACKLOG))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PAUSE_SECONDS, self._write_portion) if self._waiting else None

    def _write(self, count: int) -> None:
        if self._dropped:
            log.warning("socket_lines_dropped", lines=self._dropped)
            self._dropped = 0
        for fields in list(islice(self._waiting, count)):
            self._waiting.popleft()
            log.info("socket_closed", **fields)
