"""JSON objects as RFC 8259 and good sense allow them, and nothing that two readers read apart."""

from json import JSONDecoder
from math import isfinite
from typing import NoReturn, cast

from domain.json_values import Json, JsonObject

# What every JSON writer of ours can write again: signed and unsigned integers of 64 bits.
_MIN_INTEGER = -(2**63)
_MAX_INTEGER = 2**64 - 1


def read_object(raw: bytes) -> JsonObject:
    """The JSON object that the bytes spell in UTF-8.

    Refused, where the standard library is lax: a member that comes twice, NaN and Infinity, a
    number too large for a float or for 64 bits, another encoding than UTF-8, and nesting deeper
    than the interpreter can follow. Lone surrogates pass: the texts' own rules refuse them.

    Raises:
        ValueError: it is none.
    """
    try:
        value = cast("Json", _DECODER.decode(raw.decode("utf-8")))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the text is wrong, not a type
    return value


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members


def _integer(digits: str) -> int:
    if not _MIN_INTEGER <= (number := int(digits)) <= _MAX_INTEGER:
        raise ValueError("an integer beyond 64 bits")
    return number


def _fraction(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError("a number beyond what a float holds")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# Made once: json.loads would build a new decoder, and scanner, at every call with options.
_DECODER = JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_refuse_constant,
)
