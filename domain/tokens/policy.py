"""Token policies: what a project asks of its tokens beyond a good signature."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

from domain.errors import Invalid
from domain.json_values import Json, JsonObject

PresetName: TypeAlias = Literal["default", "tiledesk"]

MAX_LIFETIME_SECONDS = 365 * 24 * 3600
MAX_LEEWAY_SECONDS = 600
MAX_PROOF_SECONDS = 30 * 24 * 3600
CUSTOM_ID_CLAIM_FORM = r"[A-Za-z_][A-Za-z0-9_./:-]{0,63}"

# Claims about the token, not about a person.
_NAMES_NOBODY = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})


class PolicyInvalid(Invalid):
    """The token policy is not of the expected form."""

    def __init__(self, field: str, expectation: str) -> None:
        self.field = field
        super().__init__(f"token_policy.{field}: {expectation}")


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """A project's rules for tokens.

    Attributes:
        preset: where unset members come from; `tiledesk` also ignores an unknown `kid`, as the
            original system does.
        require_exp: whether a token without `exp` is refused.
        max_lifetime_seconds: the longest `exp - iat`, or None for any.
        leeway_seconds: how far the site's clock may be off, either way.
        proof_seconds: how long a session counts as authenticated after its sign-in.
        custom_id_claim: the one claim that holds the custom ID, for sites whose back end signs it
            under another name, such as `user_id`; None for the usual ones (`read_custom_id`).
    """

    preset: PresetName
    require_exp: bool
    max_lifetime_seconds: int | None
    leeway_seconds: int
    proof_seconds: int
    custom_id_claim: str | None = None

    @classmethod
    def of_preset(cls, preset: PresetName) -> "TokenPolicy":
        """The preset as it is."""
        return _PRESETS[preset]

    @classmethod
    def from_json(cls, members: Mapping[str, Json]) -> "TokenPolicy":
        """The preset that the object names (`default` if none), with its other members over it.

        Raises:
            PolicyInvalid: naming the member that is unknown or out of bounds.
        """
        policy = _PRESETS["default"]
        if "preset" in members:
            policy = _named_preset(members["preset"])
        for field, value in members.items():
            policy = _with(policy, field, value)
        return policy

    def to_json(self) -> JsonObject:
        """All members, as `from_json` reads them."""
        return asdict(self)

    @property
    def ignores_unknown_kid(self) -> bool:
        """Whether a `kid` that names no secret counts as none, instead of refusing the token."""
        return self.preset == "tiledesk"


_PRESETS: dict[str, TokenPolicy] = {
    "default": TokenPolicy(
        preset="default",
        require_exp=True,
        max_lifetime_seconds=10 * 60,
        leeway_seconds=120,
        proof_seconds=12 * 3600,
    ),
    "tiledesk": TokenPolicy(
        preset="tiledesk",
        require_exp=False,
        max_lifetime_seconds=None,
        leeway_seconds=120,
        proof_seconds=12 * 3600,
    ),
}


def _named_preset(value: Json) -> TokenPolicy:
    if isinstance(value, str) and value in _PRESETS:
        return _PRESETS[value]
    raise PolicyInvalid("preset", "choose default or tiledesk")


def _with(policy: TokenPolicy, field: str, value: Json) -> TokenPolicy:
    match field:
        case "preset":
            return policy
        case "require_exp":
            if not isinstance(value, bool):
                raise PolicyInvalid(field, "give true or false")
            return replace(policy, require_exp=value)
        case "max_lifetime_seconds":
            longest = None if value is None else _seconds(field, value, 1, MAX_LIFETIME_SECONDS)
            return replace(policy, max_lifetime_seconds=longest)
        case "leeway_seconds":
            return replace(policy, leeway_seconds=_seconds(field, value, 0, MAX_LEEWAY_SECONDS))
        case "proof_seconds":
            return replace(policy, proof_seconds=_seconds(field, value, 1, MAX_PROOF_SECONDS))
        case "custom_id_claim":
            return replace(policy, custom_id_claim=None if value is None else _claim(field, value))
        case _:
            known = ", ".join(TokenPolicy.__slots__)
            raise PolicyInvalid(field[:64], f"there is no such member; there are {known}")


def _seconds(field: str, value: Json, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise PolicyInvalid(field, f"give a whole number of seconds from {least} to {most}")
    return value


def _claim(field: str, value: Json) -> str:
    named = isinstance(value, str) and value not in _NAMES_NOBODY
    if named and re.fullmatch(CUSTOM_ID_CLAIM_FORM, str(value)):
        return str(value)
    raise PolicyInvalid(field, "give the name of the claim that holds the ID, such as user_id")
