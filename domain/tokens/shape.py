"""What can be said of a token without any secret: for the gateway, before the queue."""

from dataclasses import dataclass
from datetime import datetime

from domain.tokens.numeric_dates import read_date, require_unexpired
from domain.tokens.parsing import bare_token, parse, require_algorithm, strip_scheme

__all__ = ["Shape", "check_shape", "strip_scheme"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a well-formed token says of itself. Anybody can have written it."""

    algorithm: str
    kid: str | None
    expires_at: datetime | None


def check_shape(token: str, *, now: datetime, leeway_seconds: int) -> Shape:
    """The token is worth a place in the queue: well-formed, of an allowed algorithm, unexpired.

    `verify` makes the same checks first and in the same order, so that a token is refused with
    the same code wherever that happens.

    Args:
        token: as received; a `JWT ` or `Bearer ` before it counts for nothing.
        now: aware present time.
        leeway_seconds: how long after its `exp` a token still passes.

    Raises:
        TokenRefused: token_too_large, token_malformed, algorithm_not_allowed, claim_invalid (an
            `exp` that is none) or token_expired.
    """
    parsed = parse(bare_token(token))
    require_algorithm(parsed)
    expires_at = read_date(parsed.payload, "exp")
    require_unexpired(expires_at, now, leeway_seconds)
    return Shape(parsed.algorithm, parsed.kid, expires_at)
