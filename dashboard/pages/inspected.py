"""What an inspection found, as people read it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.refusals import SENTENCES, RefusalCode
from domain.signing_secrets import SigningSecret
from domain.tokens.claims import Claims
from domain.tokens.verification import CHECKS, PROJECT, Examination

_TITLES = {
    PROJECT: "Project",
    "size": "Size",
    "form": "Form",
    "algorithm": "Algorithm",
    "expiry": "Expiry",
    "key": "Secret",
    "signature": "Signature",
    "claims": "Claims",
    "required": "Required claims",
    "times": "Start of validity",
    "lifetime": "Lifetime",
    "audience": "Audience",
    "custom_id": "Custom ID",
    "sign_outs": "Sign-outs",
}
_NOT_REACHED = "Not reached: an earlier check left nothing to look at."


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check; `passed` is None where it was not reached."""

    title: str
    passed: bool | None
    message: str


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim in its normal form; a time stands beside as such."""

    name: str
    text: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class InspectionShown:
    """The page's facts. `advice` says what to do about a refusal."""

    accepted: bool
    code: str | None
    advice: str
    checks: list[CheckRow]
    claims: list[ClaimRow]
    attributes: str | None
    secret: SigningSecret | None


def show_inspection(examined: Examination, secrets: Iterable[SigningSecret]) -> InspectionShown:
    """The inspection for people; of the token nothing but its claims."""
    made = {check.name: check for check in examined.checks}
    checks = [
        CheckRow(_TITLES[name], made[name].passed, made[name].message)
        if name in made
        else CheckRow(_TITLES[name], None, _NOT_REACHED)
        for name in (CHECKS if PROJECT not in made else [PROJECT])
    ]
    failed = next((check.message for check in examined.checks if not check.passed), "")
    attributes = examined.claims.attributes if examined.claims else {}
    return InspectionShown(
        accepted=examined.accepted,
        code=examined.code,
        advice=failed or _sentence(examined.code),
        checks=checks,
        claims=list(_claim_rows(examined.claims, examined.custom_id)),
        attributes=json.dumps(attributes, indent=2, ensure_ascii=False) if attributes else None,
        secret=next((s for s in secrets if s.key_id == examined.key_id), None),
    )


def _sentence(code: RefusalCode | None) -> str:
    return SENTENCES[code] if code else ""


def _claim_rows(claims: Claims | None, custom_id: str | None) -> Iterator[ClaimRow]:
    if custom_id is not None:
        yield ClaimRow("Custom ID", custom_id)
    if claims is None:
        return
    for name, text in (("Name", claims.name), ("E-mail", claims.email)):
        if text is not None:
            yield ClaimRow(name, text)
    for name, moment in (
        ("Issued (iat)", claims.issued_at),
        ("Valid from (nbf)", claims.not_before),
        ("Expires (exp)", claims.expires_at),
    ):
        if moment is not None:
            yield ClaimRow(name, "", moment)
    if claims.audience is not None:
        yield ClaimRow("Audience (aud)", ", ".join(claims.audience))
