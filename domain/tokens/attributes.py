"""Signed attributes: what a token says of a person beyond ID, name and e-mail address."""

from collections.abc import Iterable
from json import JSONEncoder

from domain.json_values import Json, JsonObject
from domain.plain_text import find_fault
from domain.refusals import RefusalCode, TokenRefused

MAX_BYTES = 4 * 1024
MAX_DEPTH = 4

# Claims with a meaning of their own: registered ones (RFC 7519), and those that claims.py reads.
_READ_ELSEWHERE = frozenset(
    {
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti"),
        *("external_id", "_id", "name", "firstname", "lastname", "email", "attributes"),
    }
)
# A visitor has no rights to grant; dropped by any spelling, so that no page ever shows them as
# if they counted.
_RIGHTS = frozenset(
    {
        *("role", "roles", "scope", "scopes", "scp", "permission", "permissions"),
        *("admin", "is_admin", "isadmin", "is_staff", "is_superuser", "superuser"),
        *("authorities", "entitlements", "privileges", "acl"),
    }
)
_ENCODER = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read_attributes(payload: JsonObject) -> JsonObject:
    """Every remaining claim, and over them the members of the object claim `attributes`.

    An `attributes` that is no object is kept as a claim like any other. Claims that grant rights
    are dropped.

    Raises:
        TokenRefused: claim_invalid; more than 4 KiB of JSON, more than 4 levels, or text that
            must not be.
    """
    attributes = {name: value for name, value in payload.items() if name not in _READ_ELSEWHERE}
    own = payload.get("attributes")
    if isinstance(own, dict):
        attributes.update(own)
    elif own is not None:
        attributes["attributes"] = own
    attributes = {name: value for name, value in attributes.items() if name.lower() not in _RIGHTS}
    if attributes:
        _require_plain(attributes, MAX_DEPTH)
        _require_small(attributes)
    return attributes


def _require_plain(value: Json, levels: int) -> None:
    if isinstance(value, str):
        if fault := find_fault(value):
            raise _invalid(f"The attributes hold {fault}. Sign them without it.")
    elif isinstance(value, dict):
        _require_plain_members(value.keys(), levels)
        _require_plain_members(value.values(), levels)
    elif isinstance(value, list):
        _require_plain_members(value, levels)


def _require_plain_members(members: Iterable[Json], levels: int) -> None:
    if levels == 0:
        raise _invalid(f"The attributes are nested deeper than {MAX_DEPTH} levels.")
    for member in members:
        _require_plain(member, levels - 1)


def _require_small(attributes: JsonObject) -> None:
    if len(_ENCODER.encode(attributes).encode()) > MAX_BYTES:
        raise _invalid("The attributes are larger than 4 KiB of JSON. Sign fewer or shorter ones.")


def _invalid(message: str) -> TokenRefused:
    return TokenRefused(RefusalCode.CLAIM_INVALID, message)
