"""Batches of visitors who sign out: handed to the use case, answered to each node."""

from typing import Any

from config import queues
from domain.ids import DeviceId, ProjectId, RequestId, SessionId
from services.sign_out_visitors import SignOutRequest
from workers.batches import Batch, Request, answer, take
from workers.runtime import Runtime


def sign_out(runtime: Runtime, batch: Batch) -> dict[str, Any]:
    """Every request is answered to its node; a device that SQL knew has ended."""
    left = batch.seconds_left(runtime.shared_now())
    if left < 0:
        return {"late": len(batch.requests)}
    requests = take(runtime, queues.VISITORS_SIGN_OUT, batch, _is_of_a_session)
    outcomes = runtime.sign_out.sign_out([_request(request) for request in requests], left)
    answer(runtime, batch, requests, outcomes)
    return {"requests": len(requests)}


def _is_of_a_session(request: Request) -> bool:
    return bool(request.get("session_id"))


def _request(request: Request) -> SignOutRequest:
    return SignOutRequest(
        RequestId(request["request_id"]),
        ProjectId(request["project_id"]),
        SessionId(request["session_id"]),
        DeviceId(request["device_id"]) if request.get("device_id") else None,
    )
