"""A project's settings as text in fields, and back."""

from collections.abc import Callable, Mapping

from domain.errors import Invalid
from domain.json_values import Json, JsonObject
from domain.projects import Project
from domain.tokens.policy import PresetName, TokenPolicy
from storage.sql.rotation_policies import RotationPolicy

Texts = Mapping[str, str]

SECONDS = ("leeway_seconds", "proof_seconds")
PRESETS: Mapping[PresetName, str] = {
    "default": "Default: short-lived tokens",
    "tiledesk": "Drop-in: tokens of the original system",
}
LIMITS = ("connects_per_address", "sign_ins_per_socket", "messages_per_socket")


def texts_of(project: Project, rotation_policy: RotationPolicy | None) -> dict[str, str]:
    """What the fields hold."""
    limits = {limit: str(getattr(project.limits, limit)) for limit in LIMITS}
    every_days = str(rotation_policy.every_days) if rotation_policy else ""
    return {
        **policy_texts(project.token_policy),
        **limits,
        "allowed_origins": "\n".join(project.allowed_origins),
        "every_days": every_days,
    }


def policy_texts(policy: TokenPolicy) -> dict[str, str]:
    """What the fields of a token policy hold."""
    longest = policy.max_lifetime_seconds
    return {
        "preset": policy.preset,
        "require_exp": "1" if policy.require_exp else "",
        "max_lifetime_seconds": "" if longest is None else str(longest),
        "leeway_seconds": str(policy.leeway_seconds),
        "proof_seconds": str(policy.proof_seconds),
        "custom_id_claim": policy.custom_id_claim or "",
    }


def token_changes(texts: Texts) -> JsonObject:
    """The policy that was entered.

    Raises:
        Invalid: a number is none.
    """
    longest = texts.get("max_lifetime_seconds", "").strip()
    policy: dict[str, Json] = {
        "preset": texts.get("preset", ""),
        "require_exp": bool(texts.get("require_exp")),
        "max_lifetime_seconds": _whole("max_lifetime_seconds", longest) if longest else None,
        "custom_id_claim": texts.get("custom_id_claim", "").strip() or None,
    }
    policy |= {field: _whole(field, texts.get(field, "")) for field in SECONDS}
    return {"token_policy": policy}


def origin_changes(texts: Texts) -> JsonObject:
    """The origins that were entered, one a line."""
    lines = texts.get("allowed_origins", "").split()
    return {"allowed_origins": [*lines]}


def limit_changes(texts: Texts) -> JsonObject:
    """The limits that were entered.

    Raises:
        Invalid: a number is none.
    """
    return {"limits": {limit: _whole(limit, texts.get(limit, "")) for limit in LIMITS}}


def days_of(texts: Texts) -> int | None:
    """After how many days, or None for never.

    Raises:
        Invalid: it is no number.
    """
    text = texts.get("every_days", "").strip()
    return _whole("every_days", text) if text else None


def _whole(field: str, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 12):  # noqa: PLR2004
        message = f"{field}: give a whole number"
        raise Invalid(message)
    return int(digits)


CHANGES: Mapping[str, Callable[[Texts], JsonObject]] = {
    "tokens": token_changes,
    "origins": origin_changes,
    "limits": limit_changes,
}
"""What each form of the page changes about the project."""
