"""Signing out on a socket: its device, if SQL knows it, has ended; it goes on with a fresh one."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.device_ids import RANDOM_BYTES, DeviceIds, anonymous_visitor
from domain.events import EventKind
from domain.ids import DeviceId, ProjectId, RequestId, SessionId
from domain.outcomes import Outcome, SignedOut
from domain.projects import Project
from services.batches import run_or_split
from services.leaving import note_left
from services.transactions import Transaction, Transactor
from services.unavailable import unavailable
from storage.sql import people


@dataclass(frozen=True, slots=True)
class SignOutRequest:
    """One visitor's wish to be anonymous again on this socket."""

    request_id: RequestId
    project_id: ProjectId
    session_id: SessionId
    device_id: DeviceId | None


class VisitorSignOut:
    """Signs batches out; a second time changes nothing but the fresh ids."""

    def __init__(self, transactor: Transactor, device_ids: DeviceIds) -> None:
        self._transactor = transactor
        self._device_ids = device_ids

    def sign_out(
        self, requests: Sequence[SignOutRequest], seconds_left: float = math.inf
    ) -> list[Outcome]:
        """Every device that SQL knows has ended there, and every request has its answer.

        A device without a row has nothing that could end: it is neither ended nor noted, and the
        session goes on with a fresh one all the same. Where the store cannot be asked nothing has
        changed, and the answer is `unavailable`.

        Args:
            requests: of any projects.
            seconds_left: how long whoever asked waits for the answers.
        """
        parts = run_or_split(self._transactor, requests, self._end, _unanswered, seconds_left)
        return [outcome for part in parts for outcome in part]

    def _end(
        self,
        transaction: Transaction,
        requests: Sequence[SignOutRequest],
        locked: Mapping[ProjectId, Project],
    ) -> list[Outcome]:
        certified = {r.device_id for r in requests if r.device_id and self._is_certified(r)}
        held = people.find_devices(transaction.db, certified)
        ending = sorted(id_ for id_, device in held.items() if device.ended_at is None)
        people.end_devices(transaction.db, ending, transaction.now)
        left = [(held[id_].project_id, held[id_].visitor_id) for id_ in ending]
        note_left(transaction, locked, left)
        transaction.note_facts(
            (EventKind.VISITOR_SIGNED_OUT, project_id, {"visitor_id": visitor_id})
            for project_id, visitor_id in left
        )
        return [
            self._signed_out(r, r.device_id if r.device_id in held else None, transaction)
            for r in requests
        ]

    def _is_certified(self, request: SignOutRequest) -> bool:
        return self._device_ids.is_certified(request.project_id, request.device_id or "")

    def _signed_out(
        self, request: SignOutRequest, ended: DeviceId | None, transaction: Transaction
    ) -> SignedOut:
        # What SQL never held has nothing to end, and is not noted in Redis for weeks: anybody gets
        # such a device by saying hello.
        fresh = self._device_ids.issue(
            request.project_id, transaction.now, os.urandom(RANDOM_BYTES)
        )
        return SignedOut(
            request_id=request.request_id,
            session_id=request.session_id,
            device_id=fresh,
            ended_device_id=ended,
            visitor_id=anonymous_visitor(fresh),
        )


def _unanswered(requests: Sequence[SignOutRequest]) -> list[Outcome]:
    return [unavailable(r.request_id, r.session_id) for r in requests]
