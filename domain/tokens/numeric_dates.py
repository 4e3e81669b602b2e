"""Times in tokens: whole seconds since 1970 (RFC 7519 section 2, stricter)."""

from datetime import UTC, datetime

from domain.json_values import JsonObject
from domain.refusals import RefusalCode, TokenRefused

LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


def read_date(payload: JsonObject, claim: str) -> datetime | None:
    """The claim's moment, or None where the token does not have the claim.

    Raises:
        TokenRefused: claim_invalid; it is no integer, or beyond the years 1970–9999.
    """
    if claim not in payload:
        return None
    seconds = payload[claim]
    # type(), because True is an int; 1.0 is refused with every other float.
    if type(seconds) is not int or not 0 <= seconds <= LAST_SECOND:
        raise TokenRefused(
            RefusalCode.CLAIM_INVALID,
            f"The claim {claim} must be whole seconds since 1970, as a number without quotes or"
            " fraction, in seconds, not milliseconds.",
        )
    return datetime.fromtimestamp(seconds, UTC)


def require_unexpired(expires_at: datetime | None, now: datetime, leeway_seconds: int) -> None:
    """The moment, if there is one, lies less than the leeway in the past.

    Raises:
        TokenRefused: token_expired.
    """
    if expires_at is not None and (now - expires_at).total_seconds() >= leeway_seconds:
        raise TokenRefused(RefusalCode.TOKEN_EXPIRED)


def require_begun(moment: datetime | None, now: datetime, leeway_seconds: int) -> None:
    """The moment, if there is one, lies at most the leeway in the future.

    Raises:
        TokenRefused: token_not_yet_valid.
    """
    if moment is not None and (moment - now).total_seconds() > leeway_seconds:
        raise TokenRefused(RefusalCode.TOKEN_NOT_YET_VALID)
