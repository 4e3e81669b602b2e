"""Whether a token proves who a visitor is: the answer, and for the inspector all of its reasons."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.ids import KeyId
from domain.merging import is_superseded
from domain.refusals import SENTENCES, RefusalCode, TokenRefused
from domain.tokens.checks import STEPS, Case, NotReached, Step, reached
from domain.tokens.claims import Claims
from domain.tokens.keys import KeyRing
from domain.tokens.policy import TokenPolicy

SIGN_OUTS = "sign_outs"
CHECKS = (*(step.name for step in STEPS), SIGN_OUTS)
"""The names of all checks, in the order in which they are made."""

PROJECT = "project"
"""The name of the one check that is made where nobody can sign in to the project."""

_HALTED = (
    "Nobody can sign in to this project now, and no token is looked at: its database has lost"
    " commits, a revocation perhaps among them. Have an operator settle the project."
)
_NOT_SUPERSEDED = "Nobody has signed this person out everywhere since the token was issued."


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a good token proves: these claims about this person, by that secret."""

    claims: Claims
    custom_id: str = field(repr=False)
    key_id: KeyId
    generation: int


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a token, and a sentence that says what is true or what to do."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class Examination:
    """Every check that could be made.

    Attributes:
        accepted: whether `verify` accepts the token.
        code: of the first check that failed, which is what `verify` raises; None if accepted.
        checks: in the order in which they are made; without those that an earlier failure left
            nothing to look at.
        claims: as far as they could be read. Unproven unless `accepted`.
        custom_id: likewise.
        key_id: the secret that made the signature, a revoked one included.
    """

    accepted: bool
    code: RefusalCode | None
    checks: tuple[Check, ...]
    claims: Claims | None
    custom_id: str | None = field(repr=False)
    key_id: KeyId | None


def verify(token: str, ring: KeyRing, policy: TokenPolicy, now: datetime) -> VerifiedToken:
    """The token is good: signed with a secret of this project that is still accepted.

    Args:
        token: as received; a `JWT ` or `Bearer ` before it counts for nothing.
        ring: the secrets of the project that the socket named, never of another one.
        policy: that project's token policy.
        now: aware present time.

    Raises:
        TokenRefused: with the code of the first check that fails, and nothing else whatever the
            token holds. With key_revoked its refusal names the secret.
    """
    case = Case(token, ring, policy, now)
    for step in STEPS:
        step.run(case)
    signer = reached(case.signer)
    return VerifiedToken(
        reached(case.claims), reached(case.custom_id), signer.key_id, signer.generation
    )


def examine(token: str, ring: KeyRing, policy: TokenPolicy, now: datetime) -> Examination:
    """What `verify` would answer and why, check by check, going on after a failure.

    No message holds any part of the token or of a secret.
    """
    case = Case(token, ring, policy, now)
    checks: list[Check] = []
    codes: list[RefusalCode] = []
    for step in STEPS:
        try:
            checks.append(_attempt(step, case))
        except TokenRefused as error:
            checks.append(Check(step.name, passed=False, message=error.refusal.message))
            codes.append(error.refusal.code)
        except NotReached:
            continue
    return Examination(
        accepted=not codes,
        code=codes[0] if codes else None,
        checks=tuple(checks),
        claims=case.claims,
        custom_id=case.custom_id,
        key_id=case.signer.key_id if case.signer else None,
    )


def examine_halted() -> Examination:
    """What a sign-in to a project that is halted is answered, whatever the token."""
    return Examination(
        accepted=False,
        code=RefusalCode.UNAVAILABLE,
        checks=(Check(PROJECT, passed=False, message=_HALTED),),
        claims=None,
        custom_id=None,
        key_id=None,
    )


def with_sign_outs(examined: Examination, not_before: datetime | None) -> Examination:
    """The same, with the last question that a sign-in is asked: whether a sign-out came since.

    It is left out where the token names nobody, or its claims could not be read.

    Args:
        examined: the token, examined by itself.
        not_before: when the person that it names was last signed out everywhere, if ever.
    """
    if examined.claims is None or examined.custom_id is None:
        return examined
    superseded = is_superseded(not_before, examined.claims.issued_at)
    code = RefusalCode.TOKEN_SUPERSEDED
    message = SENTENCES[code] if superseded else _NOT_SUPERSEDED
    check = Check(SIGN_OUTS, passed=not superseded, message=message)
    return replace(
        examined,
        accepted=examined.accepted and not superseded,
        code=examined.code or (code if superseded else None),
        checks=(*examined.checks, check),
    )


def _attempt(step: Step, case: Case) -> Check:
    step.run(case)
    return Check(step.name, passed=True, message=step.passed)
