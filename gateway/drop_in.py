"""The drop-in endpoints: signing in over HTTP, as clients of the original system do.

What of it is the same and what is not, and why: decision 0013.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from time import perf_counter
from typing import Any, Final, TypeAlias

import structlog

from domain.client_addresses import Network
from domain.own_tokens import OwnTokens
from domain.refusals import RefusalCode, TokenRefused
from gateway.connect_limits import ConnectLimits
from gateway.context import NodeContext
from gateway.drop_in_answers import Answer, Denied, denied, granted, only_post, preflight
from gateway.drop_in_guests import make_guest, project_of_guest
from gateway.drop_in_projects import ProjectUnknown, admit, try_again
from gateway.drop_in_requests import (
    DropInHead,
    Fields,
    Gone,
    Receive,
    Scope,
    read_fields,
    read_head,
)
from gateway.drop_in_sign_ins import Presented

log = structlog.get_logger(__name__)

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CUSTOM_TOKEN: Final = "/auth/signinWithCustomToken"
ANONYMOUSLY: Final = "/auth/signinAnonymously"
PATHS: Final = frozenset({CUSTOM_TOKEN, ANONYMOUSLY})
PATIENCE_SECONDS: Final = 10.0


class DropIn:
    """An ASGI application for these two paths.

    Args:
        find_node: the node of this process, None while it does not serve.
        guest_tokens: signs for guests.
        trusted_proxies: whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        find_node: Callable[[], NodeContext | None],
        guest_tokens: OwnTokens,
        trusted_proxies: Sequence[Network],
    ) -> None:
        self._find_node = find_node
        self._guest_tokens = guest_tokens
        self._trusted_proxies = trusted_proxies
        self._limits = ConnectLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request has been answered, within about ten seconds, and logged in one line."""
        began = perf_counter()
        try:
            answer = await self._respond(scope, receive)
        except Gone:
            return
        await _send(send, answer)
        node = self._find_node()
        if answer.code and node is not None:
            node.metrics.refusals.labels(answer.code).inc()
        log.info(
            "request_answered",
            method=scope["method"],
            route=scope["path"],
            status=answer.status.value,
            code=answer.code or None,
            ms=round((perf_counter() - began) * 1000, 1),
        )

    async def _respond(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] == "OPTIONS":
            return preflight()
        if scope["method"] != "POST":
            return only_post()
        try:
            head = read_head(scope, self._trusted_proxies)
        except Denied as error:
            return denied(error, None)
        try:
            return granted(await self._in_time(scope["path"], head, receive), head.origin)
        except Denied as error:
            return denied(error, head.origin)

    async def _in_time(self, path: str, head: DropInHead, receive: Receive) -> Mapping[str, object]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._grant(path, head, await read_fields(head, receive))
        except TimeoutError:
            raise try_again() from None
        except TokenRefused as error:
            refusal = error.refusal
            raise Denied.of(refusal.code, refusal.message) from None

    async def _grant(self, path: str, head: DropInHead, fields: Fields) -> Mapping[str, object]:
        node = self._find_node()
        if node is None:
            raise try_again()
        if path == ANONYMOUSLY:
            project_id = project_of_guest(fields)
            await admit(node, self._limits, project_id, head)
            return make_guest(node, self._guest_tokens, project_id)
        presented = Presented(node, head.authorization, fields)
        try:
            card = await admit(node, self._limits, presented.project_id, head)
        except ProjectUnknown:
            raise TokenRefused(RefusalCode.KEY_UNKNOWN) from None
        return await presented.sign_in(node, card.leeway_seconds)


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"cache-control", b"no-store"), *answer.headers]
    if answer.body:
        headers += [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(answer.body)).encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
    await send({"type": "http.response.start", "status": answer.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
