"""Batches from gateway nodes: opened, handed to the use case, answered to each node."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from config import queues
from domain.ids import DeviceId, NodeId, ProjectId, RequestId, SessionId, is_uuid
from domain.outcomes import Outcome, RefusedRequest, Sent, outcome_to_wire
from domain.queue_sealing import is_sealed
from domain.sealing import SealBroken
from domain.times import from_wire
from services.count_sign_ins import count_sign_ins
from services.halting import halt_if_behind
from services.sign_out_visitors import SignOutRequest
from services.tell_visitor_changes import tell_visitor_changes
from services.unavailable import unavailable
from services.verify_visitors import VerifyRequest
from storage.redis import ended_devices, figures, publications, signals
from storage.redis.exchange import Command
from workers.runtime import Runtime

log = structlog.get_logger(__name__)

MOST_REQUESTS = 128


@dataclass(frozen=True, slots=True)
class Batch:
    """A message as it came: nothing of it is believed yet."""

    requests: Sequence[Any]
    batch_id: str | None
    deadline: str | None

    def is_late(self, now: datetime) -> bool:
        """Whether the node that asked has given up already."""
        if self.deadline is None:
            return False
        try:
            seconds = (now - from_wire(self.deadline)).total_seconds()
        except ValueError:
            return True
        if seconds > 0:
            log.warning("batch_late", batch_id=self.batch_id, seconds=round(seconds, 3))
        return seconds > 0

    def well_formed(self) -> Iterator[Mapping[str, Any]]:
        """The requests that have the contract's form; the others are counted and dropped."""
        for request in self.requests[:MOST_REQUESTS]:
            if isinstance(request, Mapping) and _is_well_formed(request):
                yield request
            else:
                log.warning("queued_request_malformed", batch_id=self.batch_id)


def take(runtime: Runtime, task: str, batch: Batch) -> list[Mapping[str, Any]]:
    """The batch's requests; those that are none are told of to operators."""
    requests = list(batch.well_formed())
    if len(requests) < len(batch.requests):
        runtime.poison.note(task, "request_malformed")
    return requests


def verify(runtime: Runtime, batch: Batch) -> dict[str, Any]:
    """Every request is answered to its node; what the good ones prove is committed."""
    if batch.is_late(runtime.shared_now()):
        return {"late": len(batch.requests)}
    requests = take(runtime, queues.VISITORS_VERIFY, batch)
    opened, answers = _open_tokens(runtime, requests)
    seen = publications.read_epochs(runtime.stores.redis, [*{r.project_id for r in opened}])
    verified = runtime.verifier.verify(opened, {p: read.epoch for p, read in seen.items()})
    outcomes = [*answers, *verified.outcomes]
    counts = count_sign_ins(_projects_of(requests), outcomes)
    answer(runtime, batch, requests, outcomes, figures.counting(counts, datetime.now(UTC)))
    tell_visitor_changes(runtime.stores, verified.changes)
    runtime.key_use_notes.note(verified.key_use)
    for project_id in verified.behind:
        halt_if_behind(runtime.stores, project_id)
    return {"requests": len(requests)}


def sign_out(runtime: Runtime, batch: Batch) -> dict[str, Any]:
    """Every request is answered to its node; its device id has ended."""
    if batch.is_late(runtime.shared_now()):
        return {"late": len(batch.requests)}
    taken = take(runtime, queues.VISITORS_SIGN_OUT, batch)
    requests = [request for request in taken if request.get("session_id")]
    outcomes = runtime.sign_out.sign_out(
        [
            SignOutRequest(
                RequestId(request["request_id"]),
                ProjectId(request["project_id"]),
                SessionId(request["session_id"]),
                DeviceId(request["device_id"]) if request.get("device_id") else None,
            )
            for request in requests
        ]
    )
    answer(runtime, batch, requests, outcomes)
    return {"requests": len(requests)}


def _is_well_formed(request: Mapping[str, Any]) -> bool:
    texts = ("request_id", "project_id", "node_id")
    optional = ("session_id", "device_id", "token")
    return (
        all(isinstance(request.get(name), str) for name in texts)
        and all(isinstance(request.get(name), str | None) for name in optional)
        and is_uuid(request["project_id"])
    )


def _open_tokens(
    runtime: Runtime, requests: Iterable[Mapping[str, Any]]
) -> tuple[list[VerifyRequest], list[Outcome]]:
    opened: list[VerifyRequest] = []
    answers: list[Outcome] = []
    for request in requests:
        request_id = RequestId(request["request_id"])
        session_id = SessionId(request["session_id"]) if request.get("session_id") else None
        project_id = ProjectId(request["project_id"])
        try:
            token = _open_token(runtime, request.get("token") or "", request_id, project_id)
        except SealBroken:
            log.error("queued_token_not_opened", request_id=request_id)  # noqa: TRY400 - no trace
            runtime.poison.note(queues.VISITORS_VERIFY, "token_not_opened")
            answers.append(unavailable(request_id, session_id))
        else:
            device = DeviceId(request["device_id"]) if request.get("device_id") else None
            opened.append(VerifyRequest(request_id, project_id, session_id, device, token))
    return opened, answers


def _open_token(runtime: Runtime, text: str, request_id: RequestId, project_id: ProjectId) -> str:
    if runtime.settings.accept_plain_tokens and not is_sealed(text):
        return text
    return runtime.token_sealer.open(text, request_id, project_id)


def answer(
    runtime: Runtime,
    batch: Batch,
    requests: Iterable[Mapping[str, Any]],
    outcomes: Iterable[Outcome],
    afterwards: Iterable[Command] = (),
) -> None:
    """Each node hears of its requests; the credit of the batch goes back with them.

    Before that Redis knows which devices have ended, so that a hello with one of them, on whatever
    node and however early, is given another. Figures follow the answers (decision 0015).
    """
    outcomes = list(outcomes)
    _note_ended(runtime, requests, outcomes)
    node_of = {request["request_id"]: NodeId(request["node_id"]) for request in requests}
    answers: dict[NodeId, list[Any]] = {node: [] for node in node_of.values()}
    for outcome in outcomes:
        answers[node_of[outcome.request_id]].append(outcome_to_wire(outcome))
    signals.send_many(
        runtime.stores.redis,
        [
            (node, {"type": "outcomes", "batch_id": batch.batch_id, "outcomes": wire})
            for node, wire in answers.items()
        ],
        afterwards,
    )


def _note_ended(
    runtime: Runtime, requests: Iterable[Mapping[str, Any]], outcomes: Iterable[Outcome]
) -> None:
    project_of = _projects_of(requests)
    ended_devices.note_ended(
        runtime.stores.redis,
        [
            (project_of[outcome.request_id], outcome.ended_device_id)
            for outcome in outcomes
            if not isinstance(outcome, RefusedRequest | Sent) and outcome.ended_device_id
        ],
    )


def _projects_of(requests: Iterable[Mapping[str, Any]]) -> dict[RequestId, ProjectId]:
    return {
        RequestId(request["request_id"]): ProjectId(request["project_id"]) for request in requests
    }
