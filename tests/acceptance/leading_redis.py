"""The Redis that leads, behind one address, and copies of it that may take its place."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import redis

from tests.chaos.proxy import Proxy, Rule
from tests.servers.redis import RedisServer
from tests.waiting import wait_until


class LeadingRedis:
    """One server at a time leads; whoever connects to `url` reaches it. A context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._copies = 0

    def __enter__(self) -> Self:
        self._proxy = self._stack.enter_context(Proxy())
        self._leader = self._start()
        self._way = self._proxy.link("leader", self._leader.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Where whoever leads is reached."""
        return f"redis://127.0.0.1:{self._way.port}/0"

    def restart(self) -> None:
        """The leader has lost everything."""
        self._leader.restart()

    @contextmanager
    def copied(self) -> "Iterator[Copy]":
        """A copy that follows the leader, until it is cut off from it."""
        self._copies += 1
        following = self._proxy.link(f"copy {self._copies}", self._leader.port)
        server = self._start()
        copy = Copy(server, following.port)
        yield copy
        following.obey(Rule(reset=True))

    def fail_over(self, copy: "Copy") -> None:
        """The leader is gone, and the copy leads."""
        copy.stop_following()
        self._leader.kill()
        self._leader = copy.server
        self._way.lead_to(copy.server.port)

    def _start(self) -> RedisServer:
        server = RedisServer()
        server.start()
        self._stack.callback(server.stop)
        with redis.Redis(port=server.port) as client:
            client.config_set("repl-diskless-sync-delay", 0)
        return server


class Copy:
    """A server that holds what the one behind this port does, a moment later."""

    def __init__(self, server: RedisServer, leader_port: int) -> None:
        self.server = server
        self._client = redis.Redis(port=server.port)
        self._client.replicaof("127.0.0.1", leader_port)

    def until_it_holds(self, key: str, field: str, value: str) -> None:
        """It has come so far."""
        wait_until(lambda: self._client.hget(key, field) == value.encode(), "the copy")

    def stop_following(self) -> None:
        """It takes writes of its own."""
        self._client.replicaof("NO", "ONE")
        self._client.close()
