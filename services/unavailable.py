"""The answer to a request that could not be looked at: try again, not all at once."""

import random

from domain.ids import RequestId, SessionId
from domain.outcomes import RefusedRequest
from domain.refusals import Refusal, RefusalCode
from domain.retry_times import spread_retry_ms


def unavailable(request_id: RequestId, session_id: SessionId | None) -> RefusedRequest:
    """The request may be repeated after a time that differs from client to client."""
    refusal = Refusal.of(RefusalCode.UNAVAILABLE)
    retry_after_ms = spread_retry_ms(random.random())  # noqa: S311 - jitter, no secret
    return RefusedRequest(request_id, session_id, refusal.code, refusal.message, retry_after_ms)
