"""Why a sign-in is refused: the codes of the socket protocol, each with its sentence."""

from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Refused
from domain.ids import KeyId


class RefusalCode(StrEnum):
    """Every code that a `refused` frame, the inspector and the HTTP sign-in can answer."""

    TOKEN_MALFORMED = "token_malformed"
    TOKEN_TOO_LARGE = "token_too_large"
    ALGORITHM_NOT_ALLOWED = "algorithm_not_allowed"
    SIGNATURE_INVALID = "signature_invalid"
    TOKEN_EXPIRED = "token_expired"
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    CLAIM_MISSING = "claim_missing"
    CLAIM_INVALID = "claim_invalid"
    CUSTOM_ID_INVALID = "custom_id_invalid"
    AUDIENCE_MISMATCH = "audience_mismatch"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    TOKEN_SUPERSEDED = "token_superseded"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


# What a site developer reads: what is wrong, then what to do about it.
SENTENCES: dict[RefusalCode, str] = {
    RefusalCode.TOKEN_MALFORMED: (
        "This is no well-formed JWT. Send the three base64url parts, joined by dots, exactly as"
        " your JWT library returned them."
    ),
    RefusalCode.TOKEN_TOO_LARGE: (
        "The token is larger than 8 KiB. Sign fewer or shorter claims: an ID, a name and an"
        " e-mail address are enough."
    ),
    RefusalCode.ALGORITHM_NOT_ALLOWED: (
        "The token's algorithm is not accepted. Sign with HS256, HS384 or HS512 and name it in"
        " the header's alg, in capitals."
    ),
    RefusalCode.SIGNATURE_INVALID: (
        "The signature does not match. Sign with this project's current shared secret, using its"
        " 64 characters as text, without decoding them."
    ),
    RefusalCode.TOKEN_EXPIRED: (
        "The token has expired. Sign a fresh one for every sign-in, and check your server's clock."
    ),
    RefusalCode.TOKEN_NOT_YET_VALID: (
        "The token is not valid yet: its iat or nbf lies in the future. Check your server's clock,"
        " and that both are in seconds, not milliseconds."
    ),
    RefusalCode.LIFETIME_TOO_LONG: (
        "The token lives longer than this project allows. Bring exp nearer to iat, or raise"
        " max_lifetime_seconds in the project's token policy."
    ),
    RefusalCode.CLAIM_MISSING: (
        "A required claim is missing. Sign exp and external_id in every token."
    ),
    RefusalCode.CLAIM_INVALID: (
        "A claim is not of the expected form. The inspector says which one."
    ),
    RefusalCode.CUSTOM_ID_INVALID: (
        "The custom ID cannot identify one person. Sign the unique, stable ID that your system"
        " has for this user as external_id."
    ),
    RefusalCode.AUDIENCE_MISMATCH: (
        "The token is meant for somebody else. Set aud to this project's ID, or to a URL whose"
        " path is /projects/ and the ID, or leave it out."
    ),
    RefusalCode.KEY_UNKNOWN: (
        "The header's kid names no usable secret of this project. Use the key ID shown beside the"
        " shared secret, or leave kid out."
    ),
    RefusalCode.KEY_REVOKED: (
        "The token is signed with a shared secret that was revoked. Sign with the project's"
        " current secret."
    ),
    RefusalCode.TOKEN_SUPERSEDED: (
        "This person was signed out everywhere after the token was issued. Sign a fresh token with"
        " a current iat."
    ),
    RefusalCode.RATE_LIMITED: (
        "Too many sign-ins in a short time. Wait as long as retry_after_ms says, then try again."
    ),
    RefusalCode.UNAVAILABLE: (
        "The sign-in could not be checked just now. Wait as long as retry_after_ms says, then try"
        " again."
    ),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code for programs and a sentence for developers; never a part of the token.

    `key_id` is set with `key_revoked` only: the revoked secret that had signed the token.
    """

    code: RefusalCode
    message: str
    key_id: KeyId | None = None

    @classmethod
    def of(
        cls, code: RefusalCode, message: str | None = None, key_id: KeyId | None = None
    ) -> "Refusal":
        """The refusal with that code, and its ordinary sentence unless another one is given."""
        return cls(code, message or SENTENCES[code], key_id)


class TokenRefused(Refused):
    """The token is refused."""

    def __init__(
        self, code: RefusalCode, message: str | None = None, *, key_id: KeyId | None = None
    ) -> None:
        self.refusal = Refusal.of(code, message, key_id)
        self.code = code.value
        super().__init__(self.refusal.message)
