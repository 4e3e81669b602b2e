"""Commands asked within one turn of the event loop leave together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeVar

import structlog
from redis.exceptions import NoScriptError, ResponseError

from domain.errors import StorageUnavailable
from storage.redis.client import AsyncRedis
from storage.redis.exchange import Command, Reply, exchange_async
from storage.redis.scripts import Script

T = TypeVar("T")

_log = structlog.get_logger(__name__)

BATCH_SIZE = 512
"""Commands in one pipeline at most."""

OWED_LIMIT = 50_000
"""Commands kept for a Redis that does not answer; beyond it the oldest are forgotten."""

OWED_RETRY_SECONDS = 1.0

_MAY_PASS: Final = {"OOM", "MISCONF", "NOREPLICAS", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN"}
"""A server that answers so may do later what it does not do now."""


@dataclass(slots=True, eq=False)
class _Asked:
    command: Command
    before: tuple[Command, ...]
    owed: Command | None
    decode: Callable[[Reply], Any]
    answer: asyncio.Future[Any]


class CommandQueue:
    """Sends what was asked in order, one pipeline at a time, at most `BATCH_SIZE` commands each.

    When a pipeline fails, all that were asked until then fail with `StorageUnavailable`: nobody
    waits for a second timeout. Whether the server has carried them out is then unknown, so each
    may name a command that is *owed*: it is sent before anything that is asked later, and again
    until it was answered. Where the server refuses for now what was asked or owed, what is owed
    rests for a while, or until it is asked for anew.
    """

    def __init__(self, client: AsyncRedis, scripts: Sequence[Script]) -> None:
        self._client = client
        self._load_scripts = [("SCRIPT", "LOAD", script.text) for script in scripts]
        self._asked: deque[_Asked] = deque()
        self._owed: deque[Command] = deque(maxlen=OWED_LIMIT)
        self._resting: dict[Command, None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._owed_timer: asyncio.TimerHandle | None = None

    def ask(
        self,
        command: Command,
        decode: Callable[[Reply], T],
        *,
        before: tuple[Command, ...] = (),
        owed: Command | None = None,
    ) -> asyncio.Future[T]:
        """What `decode` makes of the reply.

        Args:
            command: must leave the same state when it is sent twice.
            decode: an error in it is a refusal of this command alone.
            before: are sent ahead of its pipeline, each once for all who name the same.
            owed: to be sent later if it is never known whether the command took effect.

        The answer may be left alone. It raises `StorageUnavailable`.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(command, before, owed, decode, answer))
        if self._resting and owed:
            self._resting.pop(owed, None)  # sent later, it would undo what is asked now
        self._wake()
        return answer

    async def drain(self) -> None:
        """What was asked is answered. What is owed is given one more try and then forgotten."""
        self._send_owed()
        while self._sending:
            await asyncio.wait([self._sending])
        self._cancel_timer()
        self._owed.clear()
        self._resting.clear()

    def _wake(self) -> None:
        if self._sending is None and (self._asked or self._owed):
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    def _send_owed(self) -> None:
        self._cancel_timer()
        self._owed.extend(self._resting)
        self._resting.clear()
        self._wake()

    def _cancel_timer(self) -> None:
        if self._owed_timer:
            self._owed_timer.cancel()
            self._owed_timer = None

    async def _send_all(self) -> None:
        try:
            while self._asked or self._owed:
                await self._send_batch()
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait are told
            _log.warning("commands_failed", error=repr(error.__cause__ or error))
            self._fail(self._take_asked(len(self._asked)), error)
        finally:
            self._sending = None
            if self._owed_timer is None and (self._owed or self._resting):
                loop = asyncio.get_running_loop()
                self._owed_timer = loop.call_later(OWED_RETRY_SECONDS, self._send_owed)

    async def _send_batch(self) -> None:
        owed = list(islice(self._owed, BATCH_SIZE))
        asked = self._take_asked(BATCH_SIZE - len(owed))
        before = list(dict.fromkeys(chain.from_iterable(each.before for each in asked)))
        try:
            replies = await self._exchange([*before, *owed, *(each.command for each in asked)])
        except BaseException as error:
            self._fail(asked, error)
            raise
        del replies[: len(before)]
        for command, reply in zip(owed, replies, strict=False):
            self._owed.popleft()
            self._let_rest(command, reply)
        for each, reply in zip(asked, replies[len(owed) :], strict=True):
            if isinstance(reply, ResponseError):
                self._let_rest(each.owed, reply)
            elif each.owed:  # an earlier one was refused, and rests since this one was asked for
                self._resting.pop(each.owed, None)
            _settle(each, reply)

    def _let_rest(self, owed: Command | None, reply: Reply) -> None:
        if owed and isinstance(reply, ResponseError) and _may_pass(reply):
            self._resting[owed] = None
            if len(self._resting) > OWED_LIMIT:
                del self._resting[next(iter(self._resting))]

    def _take_asked(self, count: int) -> list[_Asked]:
        return [self._asked.popleft() for _ in range(min(count, len(self._asked)))]

    def _fail(self, asked: Sequence[_Asked], error: BaseException) -> None:
        self._owed.extend(each.owed for each in asked if each.owed)
        for each in asked:
            _refuse(each, error)

    async def _exchange(self, commands: list[Command]) -> list[Reply]:
        """The replies, after a server that had lost the scripts was given them again.

        From the first command that found no script all are sent once more: they may build on it.
        """
        replies = await exchange_async(self._client, commands)
        for index, reply in enumerate(replies):
            if isinstance(reply, NoScriptError):
                again = [*self._load_scripts, *commands[index:]]
                answered = await exchange_async(self._client, again)
                return replies[:index] + answered[len(self._load_scripts) :]
        return replies


def _may_pass(error: ResponseError) -> bool:
    code = error.status_code or str(error).partition(" ")[0]  # redis-py cuts off those it knows
    return code in _MAY_PASS


def _settle(asked: _Asked, reply: Reply) -> None:
    if isinstance(reply, Exception):
        _refuse(asked, reply)
        return
    try:
        result = asked.decode(reply)
    except Exception as error:  # noqa: BLE001 - nobody is left waiting for a reply that is nonsense
        _refuse(asked, error)
    else:
        if not asked.answer.done():
            asked.answer.set_result(result)


def _refuse(asked: _Asked, error: BaseException) -> None:
    if asked.answer.done():  # whoever asked has gone away
        return
    refusal = StorageUnavailable()
    refusal.__cause__ = error
    asked.answer.set_exception(refusal)
    asked.answer.exception()  # seen: an answer that nobody awaits is not worth a complaint
