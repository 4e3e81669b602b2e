"""From the text of a token to its parts, each decoded once; nothing is believed yet."""

from dataclasses import dataclass

from jwt.algorithms import HMACAlgorithm

from domain import base64url
from domain.json_values import JsonObject
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.strict_json import read_object

MAX_TOKEN_BYTES = 8 * 1024

# The list is ours, never the token's (RFC 8725 section 3.1).
ALGORITHMS = {
    "HS256": HMACAlgorithm(HMACAlgorithm.SHA256),
    "HS384": HMACAlgorithm(HMACAlgorithm.SHA384),
    "HS512": HMACAlgorithm(HMACAlgorithm.SHA512),
}

_SCHEMES = frozenset({"jwt", "bearer"})
# Extensions that change how a token is to be read; whoever does not know them must refuse
# (RFC 7515 section 4.1.11, RFC 7797).
_EXTENSIONS = ("crit", "b64")


@dataclass(frozen=True, slots=True, repr=False)
class ParsedToken:
    """The decoded parts of a JWS in compact form. `algorithm` is empty where there is no text."""

    kid: str | None
    algorithm: str
    payload: JsonObject
    signing_input: bytes
    signature: bytes


def strip_scheme(text: str) -> str:
    """The bare token: without white space around it and a `JWT ` or `Bearer ` in front of it."""
    text = text.strip()
    scheme, _, rest = text.partition(" ")
    return rest.lstrip() if scheme.lower() in _SCHEMES else text


def bare_token(text: str) -> str:
    """The token without a scheme, at most 8 KiB of it.

    Raises:
        TokenRefused: token_too_large.
    """
    token = strip_scheme(text)
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused(RefusalCode.TOKEN_TOO_LARGE)
    return token


def parse(token: str) -> ParsedToken:
    """The parts of the token, which is a JWS by form; its algorithm may still be any.

    Raises:
        TokenRefused: token_malformed.
    """
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
        header_part, payload_part = signing_input.split(b".")
        header = read_object(base64url.decode(header_part))
        payload = read_object(base64url.decode(payload_part))
        signature = base64url.decode(signature)
    except ValueError:  # of Unicode, of base64, of JSON, of the number of parts
        raise TokenRefused(RefusalCode.TOKEN_MALFORMED) from None
    kid = _read_kid(header)
    name = header.get("alg")
    algorithm = name if isinstance(name, str) else ""
    return ParsedToken(kid, algorithm, payload, signing_input, signature)


def require_algorithm(parsed: ParsedToken) -> HMACAlgorithm:
    """The token's algorithm, which is on our list.

    Raises:
        TokenRefused: algorithm_not_allowed.
    """
    algorithm = ALGORITHMS.get(parsed.algorithm)
    if algorithm is None:
        raise TokenRefused(RefusalCode.ALGORITHM_NOT_ALLOWED)
    return algorithm


def _read_kid(header: JsonObject) -> str | None:
    for extension in _EXTENSIONS:
        if extension in header:
            raise TokenRefused(
                RefusalCode.TOKEN_MALFORMED,
                f"The token's header asks for the extension {extension}, which is not supported."
                " Sign a plain JWT.",
            )
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise TokenRefused(
            RefusalCode.TOKEN_MALFORMED,
            "The header's kid is not text. Use the key ID as shown, or leave kid out.",
        )
    return kid
