"""Where this node's sessions stand in Redis, moved as they change. The node alone writes them."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from domain.ids import DeviceId, ProjectId, SessionId, VisitorId
from storage.redis.buckets import Bucket, BucketAllocator
from storage.redis.session_writer import BindResult, BindStatus, RegisterResult, SessionWriter

T = TypeVar("T")


class Recorded(Protocol):
    """A session with a record. `bucket` is None while Redis has none of it."""

    bucket: Bucket | None

    @property
    def project_id(self) -> ProjectId:
        """Its project."""

    @property
    def session_id(self) -> SessionId:
        """Its id, a UUID."""


class SessionRecords:
    """Asks for records to be written and keeps count of the places in buckets.

    Each `done` is called once, on a later turn of the loop: with what came of it, or None where
    Redis did not answer; then the session has no record, or will have none once Redis is back.
    Only one change of a session may be under way at a time.
    """

    def __init__(self, writer: SessionWriter, places: BucketAllocator) -> None:
        self._writer = writer
        self._places = places

    def register(
        self,
        session: Recorded,
        visitor_id: VisitorId,
        device_id: DeviceId | None,
        done: Callable[[RegisterResult | None], None],
    ) -> None:
        """The session is to stand among the anonymous; a device given is checked for its end."""
        bucket = self._places.take(session.project_id, None)
        asked = self._writer.register(
            session.project_id, session.session_id, visitor_id, device_id, bucket
        )

        def registered(answer: "asyncio.Future[RegisterResult]") -> None:
            result = _result(answer)
            if result is RegisterResult.REGISTERED:
                session.bucket = bucket
            else:
                self._places.give_back(session.project_id, bucket)
            done(result)

        asked.add_done_callback(registered)

    def bind(
        self,
        session: Recorded,
        visitor_id: VisitorId,
        generation: int | None,
        ended_device: DeviceId | None,
        done: Callable[[BindResult | None], None],
        person_epoch: int = 0,
    ) -> None:
        """The session is to stand with the generation that vouches for it; None: anonymous.

        A session without a record (Redis lost it) gets a new one. The person's epoch is compared
        like the generation; an anonymous session has none.
        """
        origin = session.bucket
        stays = origin is not None and origin.generation == generation
        target = origin if stays and origin else self._places.take(session.project_id, generation)
        asked = self._ask_move(session, visitor_id, origin, target, ended_device, person_epoch)

        def moved(answer: "asyncio.Future[BindResult]") -> None:
            result = _result(answer)
            if result is None:
                self._give_up(session, origin, target)
            elif not stays:
                self._arrive(session, origin, target, result)
            done(result)

        asked.add_done_callback(moved)

    def unregister(self, session: Recorded) -> None:
        """The session's record goes, as soon as Redis can be reached."""
        bucket = self.drop(session)
        if bucket is not None:
            self._writer.unregister(session.project_id, session.session_id, bucket)

    def forget(self, project_id: ProjectId, session_id: SessionId, bucket: Bucket) -> None:
        """The record of a session that is not there goes, as soon as Redis can be reached."""
        self._writer.unregister(project_id, session_id, bucket)

    def drop(self, session: Recorded) -> Bucket | None:
        """The session's place is free; its record is left to whoever removes the whole bucket."""
        bucket, session.bucket = session.bucket, None
        if bucket is not None:
            self._places.give_back(session.project_id, bucket)
        return bucket

    async def drain(self) -> None:
        """Everything asked for has been answered or given up."""
        await self._writer.drain()

    def _ask_move(
        self,
        session: Recorded,
        visitor_id: VisitorId,
        origin: Bucket | None,
        target: Bucket,
        ended_device: DeviceId | None,
        person_epoch: int,
    ) -> "asyncio.Future[BindResult]":
        ids = (session.project_id, session.session_id, visitor_id)
        if target.generation is None:
            return self._writer.unbind(*ids, origin, target, ended_device)
        return self._writer.bind(
            *ids, target.generation, origin, target, ended_device, person_epoch
        )

    def _arrive(
        self, session: Recorded, origin: Bucket | None, target: Bucket, result: BindResult
    ) -> None:
        left = origin if result.status is BindStatus.BOUND else target
        if result.status is BindStatus.BOUND:
            session.bucket = target
        if left is not None:
            self._places.give_back(session.project_id, left)

    def _give_up(self, session: Recorded, origin: Bucket | None, target: Bucket) -> None:
        if target is not origin:
            self._places.give_back(session.project_id, target)
        self.unregister(session)


def _result(answer: "asyncio.Future[T]") -> T | None:
    if answer.cancelled() or answer.exception() is not None:
        return None
    return answer.result()
