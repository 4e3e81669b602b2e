"""Storing a batch of visitors' messages, each in the thread that its socket may write to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.device_ids import DeviceIds, anonymous_visitor
from domain.ids import DeviceId, MessageId, ProjectId, RequestId, SessionId, VisitorId
from domain.messages import (
    MessageInvalid,
    Writing,
    check_client_id,
    check_text,
    plan_messages,
)
from domain.outcomes import Outcome, RefusedRequest
from domain.projects import Project
from services.batches import run_or_split
from services.transactions import Transaction, Transactor
from services.unavailable import unavailable
from storage.sql import messages, signing_secrets


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """One visitor's message, and what its socket was when it was said.

    `visitor_id` is whom the socket speaks for; `generation` what vouches for it, None while
    nothing does.
    """

    request_id: RequestId
    project_id: ProjectId
    session_id: SessionId | None
    device_id: DeviceId
    visitor_id: VisitorId
    generation: int | None
    person_epoch: int
    client_id: str
    text: str


class MessageStore:
    """Stores batches; safe for any number of workers at once, and for the same batch again."""

    def __init__(self, transactor: Transactor, device_ids: DeviceIds) -> None:
        self._transactor = transactor
        self._device_ids = device_ids

    def store(
        self, requests: Sequence[MessageRequest], seconds_left: float = math.inf
    ) -> list[Outcome]:
        """Every request has its answer, and what was answered `sent` is committed.

        One bad message never fails another; the one that fails alone is answered `unavailable`.

        Args:
            requests: of any projects.
            seconds_left: how long whoever asked waits for the answers.
        """
        usable = [request for request in requests if self._is_usable(request)]
        parts = run_or_split(self._transactor, usable, _store, _unanswered, seconds_left)
        by_request = {outcome.request_id: outcome for part in parts for outcome in part}
        return [by_request.get(r.request_id) or _invalid(r) for r in requests]

    def _is_usable(self, request: MessageRequest) -> bool:
        try:
            check_text(request.text)
            check_client_id(request.client_id)
        except MessageInvalid:
            return False
        return self._device_ids.is_certified(request.project_id, request.device_id)


def _store(
    transaction: Transaction,
    requests: Sequence[MessageRequest],
    known: dict[ProjectId, Project],
) -> list[Outcome]:
    db = transaction.db
    stopped = [r for r in requests if r.generation is not None and _is_halted(r, known)]
    secrets = signing_secrets.list_usable_secrets(db, known, transaction.now)
    writings = [
        _writing(r, transaction) for r in requests if r.project_id in known and r not in stopped
    ]
    records = messages.load_threads(db, writings, known, secrets)
    plan = plan_messages(writings, records, transaction.now)
    messages.apply_threads(db, plan)
    return [*plan.outcomes, *(unavailable(r.request_id, r.session_id) for r in stopped)]


def _unanswered(requests: Sequence[MessageRequest]) -> list[Outcome]:
    return [unavailable(r.request_id, r.session_id) for r in requests]


def _is_halted(request: MessageRequest, known: Mapping[ProjectId, Project]) -> bool:
    """Whether nobody can say which of the project's secrets are good (decision 0009)."""
    project = known.get(request.project_id)
    return project is not None and project.is_halted


def _writing(request: MessageRequest, transaction: Transaction) -> Writing:
    return Writing(
        request_id=request.request_id,
        session_id=request.session_id,
        project_id=request.project_id,
        device_id=request.device_id,
        anonymous_id=anonymous_visitor(request.device_id),
        visitor_id=request.visitor_id,
        generation=request.generation,
        person_epoch=request.person_epoch,
        client_id=request.client_id,
        text=request.text,
        message_id=MessageId(transaction.new_ordered_id()),
    )


def _invalid(request: MessageRequest) -> RefusedRequest:
    return RefusedRequest(
        request.request_id, request.session_id, MessageInvalid.code, str(MessageInvalid())
    )
