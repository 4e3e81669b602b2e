"""Batches of visitors' messages: handed to the use case, answered to each node."""

from typing import Any

from config import queues
from domain.ids import DeviceId, ProjectId, RequestId, SessionId, VisitorId, is_uuid
from services.store_messages import MessageRequest
from workers.batches import Batch, Request, answer, take
from workers.runtime import Runtime


def store(runtime: Runtime, batch: Batch) -> dict[str, Any]:
    """Every request is answered to its node; what is answered `sent` is committed."""
    left = batch.seconds_left(runtime.shared_now())
    if left < 0:
        return {"late": len(batch.requests)}
    requests = take(runtime, queues.MESSAGES_STORE, batch, _is_message)
    outcomes = runtime.message_store.store([_request(request) for request in requests], left)
    answer(runtime, batch, requests, outcomes)
    return {"requests": len(requests)}


def _is_message(request: Request) -> bool:
    texts = ("session_id", "device_id", "visitor_id", "client_id", "text")
    return (
        all(isinstance(request.get(name), str) for name in texts)
        and is_uuid(request["visitor_id"])
        and type(request.get("person_epoch")) is int
        and isinstance(request.get("generation"), int | None)
    )


def _request(request: Request) -> MessageRequest:
    return MessageRequest(
        request_id=RequestId(request["request_id"]),
        project_id=ProjectId(request["project_id"]),
        session_id=SessionId(request["session_id"]),
        device_id=DeviceId(request["device_id"]),
        visitor_id=VisitorId(request["visitor_id"]),
        generation=request["generation"],
        person_epoch=request["person_epoch"],
        client_id=request["client_id"],
        text=request["text"],
    )
