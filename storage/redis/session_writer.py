"""Live sessions, written by the node that holds their sockets and by nobody else."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from domain.ids import DeviceId, NodeId, ProjectId, SessionId, VisitorId
from storage.redis import keys, scripts
from storage.redis.buckets import Bucket
from storage.redis.client import AsyncRedis
from storage.redis.command_queue import CommandQueue
from storage.redis.ended_devices import period_of
from storage.redis.exchange import Command, Part, Reply
from storage.redis.packing import PackedDevice, pack_device, pack_id
from storage.redis.persons import decode_person
from storage.redis.scripts import Script


class RegisterResult(IntEnum):
    """What became of a hello."""

    CARD_MISSING = 0
    REGISTERED = 1
    DEVICE_ENDED = 2
    """Nothing was registered; the client needs a fresh device."""


class BindStatus(IntEnum):
    """What became of a binding."""

    CARD_MISSING = 0
    BOUND = 1
    BEHIND = 2
    """The secret that vouched for the session has been revoked; the session was not moved."""
    PERSON_BEHIND = 3
    """The person's sessions were ended since the verification; the session was not moved."""


@dataclass(frozen=True, slots=True)
class BindResult:
    """What became of a binding, and the epoch it was compared with where there is one.

    With PERSON_BEHIND, `reason` says why the person's sessions were ended.
    """

    status: BindStatus
    epoch: int | None = None
    reason: str | None = None


class SessionWriter:
    """Writes the sessions of one node, all that one turn of the event loop asks in one round trip.

    Every answer is a future that may be awaited or left alone; it raises `StorageUnavailable`. The
    order of asking is the order in Redis. After a failure the session is, once Redis is back, not
    in the bucket it was to be written to.
    """

    def __init__(
        self, client: AsyncRedis, node_id: NodeId, clock: Callable[[], float] = time.time
    ) -> None:
        """Args: clock: seconds since 1970, to tell the period in which a device ended."""
        self._queue = CommandQueue(client, (scripts.REGISTER, scripts.BIND, scripts.UNREGISTER))
        self._node_id = node_id
        self._node_projects = keys.node_projects(node_id)
        self._clock = clock

    def register(
        self,
        project_id: ProjectId,
        session_id: SessionId,
        visitor_id: VisitorId,
        device_id: DeviceId | None,
        bucket: Bucket,
    ) -> asyncio.Future[RegisterResult]:
        """The session stands in the bucket, unless its device has ended or there is no card."""
        session = pack_id(session_id)
        keys_ = [keys.card(project_id), *_bucket_keys(project_id, bucket)]
        arguments: list[Part] = [session, pack_id(visitor_id), bucket.name]
        if device_id is not None:
            device = pack_device(device_id)
            keys_ += self._ended_keys(project_id, device)
            arguments.append(device.member)
        return self._queue.ask(
            _call(scripts.REGISTER, keys_, arguments),
            RegisterResult,
            before=self._notes(project_id),
            owed=_unregister(project_id, session, bucket),
        )

    def bind(
        self,
        project_id: ProjectId,
        session_id: SessionId,
        visitor_id: VisitorId,
        generation: int,
        from_bucket: Bucket | None,
        to_bucket: Bucket,
        ended_device: DeviceId | None,
        person_epoch: int = 0,
    ) -> asyncio.Future[BindResult]:
        """The session stands in `to_bucket` and no more in the other, if generation and person may.

        The ended device is noted whatever becomes of the session: SQL has ended it already.

        Args:
            from_bucket: None for a session that Redis lost and that is written again.
            person_epoch: the person's when the token was verified.
        """
        return self._move(
            project_id,
            session_id,
            visitor_id,
            generation,
            from_bucket,
            to_bucket,
            ended_device,
            person_epoch,
        )

    def unbind(
        self,
        project_id: ProjectId,
        session_id: SessionId,
        visitor_id: VisitorId,
        from_bucket: Bucket | None,
        to_bucket: Bucket,
        ended_device: DeviceId | None,
    ) -> asyncio.Future[BindResult]:
        """The session stands in an anonymous bucket and no more in the other. Always BOUND."""
        return self._move(
            project_id, session_id, visitor_id, None, from_bucket, to_bucket, ended_device
        )

    def unregister(
        self, project_id: ProjectId, session_id: SessionId, bucket: Bucket
    ) -> asyncio.Future[bool]:
        """The session is not in the bucket; whether it was.

        Where Redis does not answer, it is removed as soon as Redis is back.
        """
        command = _unregister(project_id, pack_id(session_id), bucket)
        return self._queue.ask(command, bool, owed=command)

    async def drain(self) -> None:
        """What was asked is answered; what Redis did not answer is forgotten."""
        await self._queue.drain()

    def _move(
        self,
        project_id: ProjectId,
        session_id: SessionId,
        visitor_id: VisitorId,
        generation: int | None,
        from_bucket: Bucket | None,
        to_bucket: Bucket,
        ended_device: DeviceId | None,
        person_epoch: int = 0,
    ) -> asyncio.Future[BindResult]:
        if to_bucket.generation != generation:
            message = "a session is bound into a bucket of its own generation"
            raise ValueError(message)
        session = pack_id(session_id)
        stays = from_bucket == to_bucket
        keys_ = [
            keys.card(project_id),
            *_bucket_keys(project_id, to_bucket),
            keys.persons(project_id),
        ]
        from_name = ""
        if from_bucket and not stays:
            from_name = from_bucket.name
            keys_.append(keys.bucket(project_id, from_name))
        member: Part = ""
        if ended_device is not None:
            device = pack_device(ended_device)
            member = device.member
            keys_.append(self._ended_keys(project_id, device)[0])
        arguments: list[Part] = [
            session,
            pack_id(visitor_id),
            to_bucket.name,
            from_name,
            "" if generation is None else generation,
            member,
            keys.ENDED_DEVICE_SECONDS,
            person_epoch,
        ]
        return self._queue.ask(
            _call(scripts.BIND, keys_, arguments),
            _decode_bind,
            before=self._notes(project_id),
            owed=None if stays else _unregister(project_id, session, to_bucket),
        )

    def _notes(self, project_id: ProjectId) -> tuple[Command, ...]:
        """By which a dead node's records are found. A Redis that came back empty has lost both.

        The node may be killed before it renews its lease there, so that is no time to note it.
        """
        return ("SADD", keys.NODES, self._node_id), ("SADD", self._node_projects, project_id)

    def _ended_keys(self, project_id: ProjectId, device: PackedDevice) -> list[str]:
        """The sets of this period, which is written, and of those beside it, which also count.

        The one before holds what ended lately, the one after what a machine ended whose clock is
        ahead of this one's.
        """
        period = period_of(self._clock())
        periods = (period, period - 1, period + 1)
        return [keys.ended_devices(project_id, at, device.shard) for at in periods]


def _bucket_keys(project_id: ProjectId, bucket: Bucket) -> tuple[str, str]:
    return keys.bucket(project_id, bucket.name), keys.buckets(project_id)


def _call(script: Script, keys_: list[str], arguments: list[Part]) -> Command:
    return ("EVALSHA", script.sha, len(keys_), *keys_, *arguments)


def _unregister(project_id: ProjectId, session: bytes, bucket: Bucket) -> Command:
    return _call(scripts.UNREGISTER, list(_bucket_keys(project_id, bucket)), [session, bucket.name])


def _decode_bind(reply: Reply) -> BindResult:
    status, epoch, person = (*reply, None, None)[:3]
    reason = decode_person(person).reason if person else None
    return BindResult(BindStatus(status), epoch, reason)
