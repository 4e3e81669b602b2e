"""The gateway as a whole: alone in a process, or beside another application on one port."""

import asyncio
import gc
from http import HTTPStatus
from typing import Any

import uvicorn

from config.celery_app import make_celery
from config.publisher import Publisher
from config.settings import GatewaySettings
from domain.own_tokens import OwnTokens, Purpose
from gateway.asgi import GatewayApp
from gateway.closes import Close
from gateway.context import NodeContext
from gateway.drop_in import DropIn
from gateway.metrics import Metrics
from gateway.node import Node, NodePatience
from gateway.sockets import (
    Socket,
    SocketEvents,
    UpgradeDecision,
    UpgradeRequest,
    make_config,
    make_protocol,
)
from gateway.steps import Reached, pass_by
from gateway.upgrades import decide, open_session
from storage.redis.client import AsyncRedis, connect_async

GC_THRESHOLDS = (20_000, 20, 50)
"""Ten thousand sessions are a million objects, none of them in cycles: looking for garbage among
them rarely is enough, and each look stops the loop."""


class Gateway:
    """One gateway node and its ways in.

    `asgi` is its HTTP, whose lifespan starts and stops it; `websocket_protocol` goes, with that or
    any other ASGI application, into `gateway.sockets.make_config`. Mounted beside another
    application, `start` and `stop` are called by whoever holds that one's lifespan.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        patience: NodePatience | None = None,
        reached: Reached = pass_by,
    ) -> None:
        self._settings = settings
        self._patience = patience
        self._reached = reached
        self._node: Node | None = None
        self._client: AsyncRedis | None = None
        self._publisher: Publisher | None = None
        self.metrics = Metrics()
        guest_tokens = OwnTokens(settings.device_keys[0], Purpose.GUEST)
        signing_in = DropIn(self._find_context, guest_tokens, settings.trusted_proxies)
        self.asgi = GatewayApp(self, signing_in)
        self.websocket_protocol = make_protocol(
            self._accept,
            self._open,
            trusted_proxies=settings.trusted_proxies,
            restarting=Close.RESTARTING.frame,
            flooding=Close.TOO_MANY_REQUESTS.frame,
        )

    @property
    def is_ready(self) -> bool:
        """Whether the node holds its own lease."""
        return self._node is not None and self._node.context.lease.is_held

    def render_metrics(self) -> bytes:
        """The node's figures in Prometheus' text format."""
        return self.metrics.render()

    async def start(self) -> None:
        """Sockets are taken; nothing of this gateway belongs to another event loop."""
        self._client = connect_async(self._settings.redis_url)
        self._publisher = Publisher(make_celery(self._settings.broker_url))
        node = Node(
            self._settings,
            self._client,
            self._publisher,
            self.metrics,
            self._patience,
            self._reached,
        )
        await node.start()
        self._node = node

    async def stop(self) -> None:
        """Every socket has been closed with 1012 and nothing of the node is left in Redis."""
        node, self._node = self._node, None
        if node is not None:
            await node.stop()
        if self._publisher is not None:
            self._publisher.close()
        if self._client is not None:
            await self._client.aclose()

    def _find_context(self) -> NodeContext | None:
        return self._node.context if self._node else None

    def _accept(
        self, request: UpgradeRequest
    ) -> "UpgradeDecision | asyncio.Future[UpgradeDecision]":
        if self._node is None:
            return _NOT_STARTED
        return decide(self._node.context, request)

    def _open(self, socket: Socket) -> SocketEvents:
        if self._node is None:
            socket.close(Close.RESTARTING.frame())
            return _Nobody()
        return open_session(self._node.context, socket)


def make_gateway(settings: GatewaySettings, patience: NodePatience | None = None) -> Gateway:
    """A gateway that has not started. Another patience than the contract's is for tests."""
    return Gateway(settings, patience)


def run(
    settings: GatewaySettings,
    *,
    host: str,
    port: int,
    reached: Reached = pass_by,
    **options: Any,
) -> None:
    """The gateway serves alone on this port until it is told to stop.

    Args:
        settings: of this process.
        host: the address to listen on.
        port: of this process alone.
        reached: is told of the steps of its work.
        options: of `uvicorn.Config`.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gateway = Gateway(settings, reached=reached)
    config = make_config(
        gateway.asgi, gateway.websocket_protocol, host=host, port=port, lifespan="on", **options
    )
    uvicorn.Server(config).run()


_NOT_STARTED = UpgradeDecision(
    HTTPStatus.SERVICE_UNAVAILABLE, "restarting", "This node takes no sockets now; try again."
)


class _Nobody:
    """Listens to a socket that has been closed already."""

    def received(self, text: bytes, /) -> None:
        """Nothing is done."""

    def closed(self) -> None:
        """Nothing was held."""
