"""Server-sent events for pages: what a page shows has changed, so it fetches it again.

A stream carries no facts, only that there are new ones and the text that tells them apart; what
they are is asked for by an ordinary request, with everything that is checked about one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from time import monotonic

import structlog
from fastapi import Request
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool

from config.stopping import is_told_to_stop
from dashboard.authorisation import Caller, find_member
from dashboard.runtime import Runtime
from domain.errors import Refused, StorageUnavailable

log = structlog.get_logger(__name__)

MOST = 200
MOST_OF_ONE = 8
LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
# After this the browser connects again, through everything that is checked about a request.
LASTS_SECONDS = 300.0
RECONNECT_MS = 2_000

Look = Callable[[], str]


class TooManyStreams(Refused):
    """Too many pages are being kept up to date at once; this one can be loaded again instead."""

    code = "too_many_streams"


class Streams:
    """The streams of this process: so many in all, and so many of one member."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open: Counter[str] = Counter()

    def admit(self, name: str) -> None:
        """One more of this member is open; `leave` ends it.

        Raises:
            TooManyStreams: there are as many as there may be.
        """
        if self._open.total() >= self._most or self._open[name] >= self._most_of_one:
            raise TooManyStreams
        self._open[name] += 1

    def leave(self, name: str) -> None:
        """One of this member's is closed."""
        self._open[name] -= 1
        if not self._open[name]:
            del self._open[name]


_streams = Streams()


def stream_changes(request: Request, caller: Caller, look: Look) -> EventSourceResponse:
    """An event `changed` at once, and each time that `look` tells something else than before.

    It ends when the caller is signed out, when the process is told to stop, and after five
    minutes; a browser connects again by itself.

    Args:
        request: which a `PageRoute` has let in.
        caller: who asks.
        look: reads a short text that is another one whenever what the page shows is; it is called
            every second, in a thread.

    Raises:
        TooManyStreams: the caller, or everybody together, has too many open.
    """
    _streams.admit(caller.actor.name)
    events = _changes(request, caller, look)
    return EventSourceResponse(events, headers={"x-accel-buffering": "no"})


async def _changes(request: Request, caller: Caller, look: Look) -> AsyncIterator[bytes]:
    runtime: Runtime = request.app.state.runtime
    try:
        yield format_sse_event(retry=RECONNECT_MS, comment="open")
        last, began, spoke = None, monotonic(), monotonic()
        while monotonic() - began < LASTS_SECONDS and not is_told_to_stop():
            seen = await _looked(look)
            if seen is not None and seen != last:
                last, spoke = seen, monotonic()
                yield format_sse_event(event="changed", data_str=seen)
            elif monotonic() - spoke > HEARTBEAT_SECONDS:
                spoke = monotonic()
                if await run_in_threadpool(find_member, runtime, request) is None:
                    return
                yield format_sse_event(comment="here")
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        _streams.leave(caller.actor.name)


async def _looked(look: Look) -> str | None:
    try:
        return await run_in_threadpool(look)
    except StorageUnavailable:
        log.warning("stream_store_unavailable")
        return None
