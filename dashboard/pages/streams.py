"""Server-sent events for pages: what a page shows has changed, so it fetches it again.

A stream carries no facts, only that there are new ones and the text that tells them apart; what
they are is asked for by an ordinary request, with everything that is checked about one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import structlog
from fastapi import Request
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from config.stopping import is_told_to_stop
from dashboard.authorisation import EVENTS, Caller, find_member
from dashboard.rate_limits import TooManyRequests
from dashboard.runtime import Runtime
from domain.errors import StorageUnavailable
from domain.permissions import Action

log = structlog.get_logger(__name__)

MOST = 200
# Browsers speak HTTP/1.1 here, with six connections to a host: some are left for what is clicked.
MOST_OF_ONE = 4
LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
ADMITTED_SECONDS = 2.0
# After this the browser connects again, through everything that is checked about a request.
LASTS_SECONDS = 300.0
RECONNECT_MS = 2_000
RETRY_SECONDS = 15

Look = Callable[[], str]


class TooManyStreams(TooManyRequests):
    """Too many pages are being kept up to date at once; this one can be loaded again instead."""

    code = "too_many_streams"


class Streams:
    """The streams of this process: so many in all, and so many of one member."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open: Counter[str] = Counter()

    def require_room(self, name: str) -> None:
        """This member may open one more.

        Raises:
            TooManyStreams: there are as many as there may be.
        """
        if self._open.total() >= self._most or self._open[name] >= self._most_of_one:
            raise TooManyStreams(RETRY_SECONDS)

    @contextmanager
    def one_more(self, name: str) -> Iterator[None]:
        """One more of this member is open meanwhile.

        Raises:
            TooManyStreams: there are as many as there may be.
        """
        self.require_room(name)
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]


_streams = Streams()


def stream_changes(request: Request, caller: Caller, look: Look) -> Response:
    """An event `changed` at once, and each time that `look` tells something else than before.

    It ends when the caller is signed out or may no longer see the page, when the process is told
    to stop, and after five minutes; a browser connects again by itself. Who does not ask for
    events gets what `look` tells now.

    Args:
        request: which a `PageRoute` has let in.
        caller: who asks.
        look: reads a short text that is another one whenever what the page shows is; it is called
            every second, in a thread.

    Raises:
        TooManyStreams: the caller, or everybody together, has too many open.
    """
    seen = look()
    if EVENTS not in request.headers.get("accept", ""):
        return PlainTextResponse(seen)
    _streams.require_room(caller.actor.name)
    return EventSourceResponse(_changes(request, caller, look), headers={"x-accel-buffering": "no"})


async def _changes(request: Request, caller: Caller, look: Look) -> AsyncIterator[bytes]:
    try:
        with _streams.one_more(caller.actor.name):
            yield format_sse_event(retry=RECONNECT_MS, comment="open")
            async for event in _until_over(request, look):
                yield event
    except TooManyStreams:  # several came at the same moment
        return


async def _until_over(request: Request, look: Look) -> AsyncIterator[bytes]:
    began = spoke = admitted = monotonic()
    last: str | None = None
    while monotonic() - began < LASTS_SECONDS and not is_told_to_stop():
        if monotonic() - admitted > ADMITTED_SECONDS:
            if not await run_in_threadpool(_is_admitted, request):
                return
            admitted = monotonic()
        seen = await run_in_threadpool(_looked, look)
        if seen is not None and seen != last:
            last, spoke = seen, monotonic()
            yield format_sse_event(event="changed", data_str=seen)
        elif monotonic() - spoke > HEARTBEAT_SECONDS:
            spoke = monotonic()
            yield format_sse_event(comment="here")
        await asyncio.sleep(LOOK_SECONDS)


def _is_admitted(request: Request) -> bool:
    """Whether the one who is signed in there may still see the page; if in doubt, not."""
    runtime: Runtime = request.app.state.runtime
    action = Action(request.scope["route"].name)
    try:
        caller = find_member(runtime, request, action)
    except StorageUnavailable:
        return False
    if caller is None or not caller.reaches(request.path_params["project_id"]):
        return False
    return caller.may(action)


def _looked(look: Look) -> str | None:
    try:
        return look()
    except StorageUnavailable:
        log.warning("stream_store_unavailable")
        return None
