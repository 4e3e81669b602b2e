"""Batches of sign-ins: their tokens opened, handed to the use case, answered to each node."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import structlog

from config import queues
from domain.ids import DeviceId, ProjectId, RequestId, SessionId
from domain.outcomes import Outcome
from domain.queue_sealing import is_sealed
from domain.sealing import SealBroken
from services.count_sign_ins import count_sign_ins
from services.halting import halt_if_behind
from services.tell_visitor_changes import tell_visitor_changes
from services.unavailable import unavailable
from services.verify_visitors import VerifyRequest
from storage.redis import figures, publications
from workers.batches import Batch, Request, answer, projects_of, take
from workers.runtime import Runtime

log = structlog.get_logger(__name__)


def verify(runtime: Runtime, batch: Batch) -> dict[str, Any]:
    """Every request is answered to its node; what the good ones prove is committed."""
    left = batch.seconds_left(runtime.shared_now())
    if left < 0:
        return {"late": len(batch.requests)}
    requests = take(runtime, queues.VISITORS_VERIFY, batch, _may_have_a_token)
    opened, answers = _open_tokens(runtime, requests)
    seen = publications.read_versions(runtime.stores.redis, [*{r.project_id for r in opened}])
    verified = runtime.verifier.verify(opened, {p: read.epoch for p, read in seen.items()}, left)
    outcomes = [*answers, *verified.outcomes]
    counts = count_sign_ins(projects_of(requests), outcomes)
    answer(runtime, batch, requests, outcomes, figures.counting(counts, datetime.now(UTC)))
    tell_visitor_changes(runtime.stores, verified.changes)
    runtime.key_use_notes.note(verified.key_use)
    for project_id in verified.behind:
        halt_if_behind(runtime.stores, project_id)
    return {"requests": len(requests)}


def _may_have_a_token(request: Request) -> bool:
    return isinstance(request.get("token"), str | None)


def _open_tokens(
    runtime: Runtime, requests: Iterable[Request]
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
