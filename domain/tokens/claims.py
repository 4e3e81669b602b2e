"""The normal form of claims: what the rest of the system sees of a token, and nothing else."""

from dataclasses import dataclass, field
from datetime import datetime
from unicodedata import normalize

from domain.custom_ids import CustomIdInvalid, normalise_custom_id
from domain.json_values import Json, JsonObject
from domain.plain_text import find_line_fault
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.attributes import read_attributes
from domain.tokens.audience import read_audience
from domain.tokens.numeric_dates import read_date

MAX_NAME = 200
MAX_EMAIL = 320

_CUSTOM_ID = ("external_id", "_id", "sub")
# What the original system writes into `sub` for a kind of caller; it names nobody.
_FIXED_SUBJECTS = frozenset({"userexternal", "guest", "user", "bot", "subscription"})


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims of the right types, within bounds, in clean text.

    Attributes:
        name: at most 200 characters on one line, in NFC; None if unsigned or blank.
        email: at most 320 characters, in NFC; None if unsigned or blank.
        attributes: at most 4 KiB of JSON in 4 levels; grants no rights.
        issued_at: `iat`.
        expires_at: `exp`.
        not_before: `nbf`.
        audience: the entries of `aud`; None if unsigned.
    """

    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    attributes: JsonObject = field(repr=False)
    issued_at: datetime | None
    expires_at: datetime | None
    not_before: datetime | None
    audience: tuple[str, ...] | None = field(repr=False)


def read_claims(payload: JsonObject) -> Claims:
    """The payload in normal form.

    Raises:
        TokenRefused: claim_invalid, naming the claim.
    """
    return Claims(
        name=_read_name(payload),
        email=_read_line(payload, "email", MAX_EMAIL),
        attributes=read_attributes(payload),
        issued_at=read_date(payload, "iat"),
        expires_at=read_date(payload, "exp"),
        not_before=read_date(payload, "nbf"),
        audience=read_audience(payload),
    )


def read_custom_id(payload: JsonObject, claim: str | None = None) -> str:
    """The custom ID: of the claim that is named, else of the first of the usual ones.

    Those are `external_id`, `_id`, and `sub` where that is no fixed word. The first that is there
    decides, even if it is null, and where a claim is named no other counts: a site that leaves
    its ID empty by mistake must not sign everybody in as whatever constant its `sub` holds.

    Args:
        payload: of the token.
        claim: the project's `custom_id_claim`.

    Raises:
        TokenRefused: claim_missing, or custom_id_invalid with a sentence that says why.
    """
    found = next((name for name in ([claim] if claim else _CUSTOM_ID) if name in payload), None)
    value = payload[found] if found else None
    if found is None or (found == "sub" and _is_fixed_word(value)):
        raise TokenRefused(
            RefusalCode.CLAIM_MISSING,
            "The token does not say who the visitor is."
            f" Sign your own ID of the user as {claim or 'external_id'}.",
        )
    if not isinstance(value, str | int):
        raise TokenRefused(
            RefusalCode.CUSTOM_ID_INVALID, f"The claim {found} must be text or an integer."
        )
    try:
        return normalise_custom_id(value)
    except CustomIdInvalid as error:
        raise TokenRefused(RefusalCode.CUSTOM_ID_INVALID, str(error)) from None


def _is_fixed_word(value: Json) -> bool:
    return isinstance(value, str) and value.lower() in _FIXED_SUBJECTS


def _read_name(payload: JsonObject) -> str | None:
    """`name`, else `firstname` and `lastname` together."""
    if name := _read_line(payload, "name", MAX_NAME):
        return name
    parts = (_read_line(payload, claim, MAX_NAME) for claim in ("firstname", "lastname"))
    joined = " ".join(part for part in parts if part)
    if len(joined) > MAX_NAME:
        raise _invalid("firstname and lastname", f"have at most {MAX_NAME} characters together")
    return joined or None


def _read_line(payload: JsonObject, claim: str, most: int) -> str | None:
    """The text in NFC with its runs of white space as single blanks, or None if that is empty."""
    value = payload.get(claim)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _invalid(claim, "be text")
    if value.isascii() and value.isprintable() and "  " not in value:
        line = value.strip()
    else:
        line = normalize("NFC", " ".join(value.split()))
    if fault := find_line_fault(line):
        raise _invalid(claim, f"not hold {fault}")
    if len(line) > most:
        raise _invalid(claim, f"have at most {most} characters")
    return line or None


def _invalid(claims: str, rule: str) -> TokenRefused:
    return TokenRefused(RefusalCode.CLAIM_INVALID, f"The claim {claims} must {rule}.")
