"""Why the gateway closes a socket: the contract's table, and frames built before they are needed.

Ten thousand sockets are closed in one go by writing ready bytes; each reason has variants that
differ in `retry_after_ms`, handed out in turn, so that the widgets come back spread over time.
"""

import random
from enum import Enum
from itertools import cycle

import orjson

from gateway.sockets import close_frame

VARIANTS = 64


class Close(Enum):
    """A close: code, the reason's code, and the span of `retry_after_ms` where the SDK uses one."""

    SECRET_REVOKED = (4401, "secret_revoked", (100, 5_000))
    SIGNED_OUT_BY_OPERATOR = (4403, "signed_out_by_operator", (100, 5_000))
    MERGE_UNDONE = (4403, "merge_undone", (100, 5_000))
    PROTOCOL_ERROR = (4400, "protocol_error", None)
    UNKNOWN_PROJECT = (4404, "unknown_project", None)
    HELLO_TIMEOUT = (4408, "hello_timeout", None)
    TOO_MANY_REQUESTS = (4429, "too_many_requests", (10_000, 60_000))
    RESTARTING = (1012, "restarting", (500, 10_000))
    TRY_AGAIN = (1013, "try_again", (1_000, 5_000))

    def __init__(self, code: int, reason: str, retry_ms: tuple[int, int] | None) -> None:
        self.code = code
        self.reason = reason
        self.retry_ms = retry_ms

    def frame(self) -> bytes:
        """The next ready close frame of this reason."""
        return next(_FRAMES[self])


def _variants(close: Close, randomness: random.Random) -> list[bytes]:
    if close.retry_ms is None:
        return [close_frame(close.code, orjson.dumps({"code": close.reason}))]
    first, last = close.retry_ms
    step = (last - first) / (VARIANTS - 1)
    waits = [round(first + step * number) for number in range(VARIANTS)]
    randomness.shuffle(waits)
    reasons = ({"code": close.reason, "retry_after_ms": wait} for wait in waits)
    return [close_frame(close.code, orjson.dumps(reason)) for reason in reasons]


_FRAMES = {close: cycle(_variants(close, random.SystemRandom())) for close in Close}
