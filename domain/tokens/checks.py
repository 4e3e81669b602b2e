"""The checks of a token, in the order in which they are made: one list for verifying and asking.

Before the signature only what is cheap and gives nothing away is checked: size, form, algorithm,
expiry. What a token claims is looked at once its signature is known to be good.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from jwt.algorithms import HMACAlgorithm

from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.audience import require_audience
from domain.tokens.claims import Claims, read_claims, read_custom_id
from domain.tokens.keys import KeyRing, VerificationKey
from domain.tokens.numeric_dates import read_date, require_begun, require_unexpired
from domain.tokens.parsing import ParsedToken, bare_token, parse, require_algorithm
from domain.tokens.policy import TokenPolicy

T = TypeVar("T")


class NotReached(Exception):
    """An earlier check failed and left a later one nothing to look at."""


@dataclass(slots=True, repr=False)
class Case:
    """A token as received, what it is held against, and what the checks found so far."""

    text: str
    ring: KeyRing
    policy: TokenPolicy
    now: datetime
    bare: str | None = field(default=None, init=False)
    parsed: ParsedToken | None = field(default=None, init=False)
    algorithm: HMACAlgorithm | None = field(default=None, init=False)
    candidates: tuple[VerificationKey, ...] | None = field(default=None, init=False)
    signer: VerificationKey | None = field(default=None, init=False)
    claims: Claims | None = field(default=None, init=False)
    custom_id: str | None = field(default=None, init=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One check: `run` raises TokenRefused, or what `passed` says is true of the token."""

    name: str
    run: Callable[[Case], None]
    passed: str


def reached(found: T | None) -> T:
    """What an earlier check found.

    Raises:
        NotReached: it found nothing.
    """
    if found is None:
        raise NotReached
    return found


def _check_size(case: Case) -> None:
    case.bare = bare_token(case.text)


def _check_form(case: Case) -> None:
    case.parsed = parse(reached(case.bare))


def _check_algorithm(case: Case) -> None:
    case.algorithm = require_algorithm(reached(case.parsed))


def _check_expiry(case: Case) -> None:
    expires_at = read_date(reached(case.parsed).payload, "exp")
    require_unexpired(expires_at, case.now, case.policy.leeway_seconds)


def _check_key(case: Case) -> None:
    """With `kid`: that secret of this project alone. Without: those of `KeyRing.candidates`."""
    kid = reached(case.parsed).kid
    named = None if kid is None else case.ring.find(kid, case.now)
    if named is not None:
        case.candidates = (named,)
        return
    if kid is not None and not case.policy.ignores_unknown_kid:
        raise TokenRefused(RefusalCode.KEY_UNKNOWN)
    candidates = case.ring.candidates(case.now)
    if not candidates:
        raise TokenRefused(
            RefusalCode.KEY_UNKNOWN,
            "This project has no shared secret to check tokens with. Let an administrator"
            " generate one, and sign with it.",
        )
    case.candidates = candidates


def _check_signature(case: Case) -> None:
    parsed, algorithm = reached(case.parsed), reached(case.algorithm)
    for key in reached(case.candidates):
        if algorithm.verify(parsed.signing_input, key.secret, parsed.signature):
            case.signer = key
            if not key.is_accepted:
                raise TokenRefused(RefusalCode.KEY_REVOKED, key_id=key.key_id)
            return
    raise TokenRefused(RefusalCode.SIGNATURE_INVALID)


def _check_claims(case: Case) -> None:
    case.claims = read_claims(reached(case.parsed).payload)


def _check_required(case: Case) -> None:
    if case.policy.require_exp and reached(case.claims).expires_at is None:
        raise TokenRefused(
            RefusalCode.CLAIM_MISSING,
            "The claim exp is missing. Let every token expire, within minutes of its iat.",
        )


def _check_times(case: Case) -> None:
    claims = reached(case.claims)
    require_begun(claims.not_before, case.now, case.policy.leeway_seconds)
    require_begun(claims.issued_at, case.now, case.policy.leeway_seconds)


def _check_lifetime(case: Case) -> None:
    """`exp - iat` is within the policy's maximum.

    Without `iat` the lifetime counts from now, without `exp` until now (each give or take the
    leeway), so that leaving one out never stretches the time in which a token can be presented.
    """
    claims = reached(case.claims)
    begins, ends = claims.issued_at, claims.expires_at
    if begins is not None and ends is not None and ends < begins:
        raise TokenRefused(RefusalCode.CLAIM_INVALID, "The claim exp must not lie before iat.")
    if case.policy.max_lifetime_seconds is None:
        return
    if begins is None and ends is None:
        raise TokenRefused(
            RefusalCode.CLAIM_MISSING,
            "The claims iat and exp are missing, and this project limits the lifetime of tokens."
            " Sign both.",
        )
    leeway = timedelta(seconds=case.policy.leeway_seconds)
    lifetime = (ends or case.now - leeway) - (begins or case.now + leeway)
    if lifetime.total_seconds() > case.policy.max_lifetime_seconds:
        raise TokenRefused(RefusalCode.LIFETIME_TOO_LONG)


def _check_audience(case: Case) -> None:
    require_audience(reached(case.claims).audience, case.ring.project_id)


def _check_custom_id(case: Case) -> None:
    payload = reached(case.parsed).payload
    case.custom_id = read_custom_id(payload, case.policy.custom_id_claim)


STEPS = (
    Step("size", _check_size, "The token is no larger than 8 KiB."),
    Step("form", _check_form, "The token is a well-formed JWT."),
    Step("algorithm", _check_algorithm, "The algorithm is one of HS256, HS384 and HS512."),
    Step("expiry", _check_expiry, "The token has not expired."),
    Step("key", _check_key, "The project has a secret to check the signature with."),
    Step("signature", _check_signature, "The signature is made with a valid secret."),
    Step("claims", _check_claims, "Every claim is of the expected form."),
    Step("required", _check_required, "No claim that the token policy requires is missing."),
    Step("times", _check_times, "The token is valid already."),
    Step("lifetime", _check_lifetime, "The token lives no longer than the token policy allows."),
    Step("audience", _check_audience, "The token is meant for this project."),
    Step("custom_id", _check_custom_id, "The token names one person by a usable custom ID."),
)
