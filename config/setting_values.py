"""How a setting's text becomes its value. Each error says what to do, never what was given."""

import base64
import binascii
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

KEY_BYTES = 32
_PADDED_LENGTH = 44

Network = IPv4Network | IPv6Network

_KEY_FORM = "32 bytes as URL-safe base64, such as `openssl rand -base64 32 | tr +/ -_` prints"
_SQL_SCHEMES = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


def parse_key(text: object) -> bytes:
    """The 32 bytes that the text encodes; padding may be left out."""
    try:
        raw = str(text).strip().ljust(_PADDED_LENGTH, "=").encode("ascii")
        key = base64.b64decode(raw, altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        message = f"is not URL-safe base64: give {_KEY_FORM}"
        raise ValueError(message) from error
    if len(key) != KEY_BYTES:
        message = f"is {len(key)} bytes long: give {_KEY_FORM}"
        raise ValueError(message)
    return key


def parse_keys(text: object) -> tuple[bytes, ...]:
    """The comma-separated keys in their order."""
    keys = []
    for number, part in enumerate(_split(text), start=1):
        try:
            keys.append(parse_key(part))
        except ValueError as error:
            message = f"key {number} {error}"
            raise ValueError(message) from error
    if not keys:
        message = f"names no key: give one or more, comma-separated, each {_KEY_FORM}"
        raise ValueError(message)
    return tuple(keys)


def parse_networks(text: object) -> tuple[Network, ...]:
    """The comma-separated networks; an address counts as the network of it alone."""
    try:
        return tuple(ip_network(part) for part in _split(text))
    except ValueError as error:
        message = "names no network: give addresses or networks, comma-separated, as 10.0.0.0/8"
        raise ValueError(message) from error


def parse_database_url(text: object) -> str:
    """The URL with the driver we use: SQLite's own, or psycopg."""
    scheme, separator, rest = str(text).strip().partition("://")
    scheme = _SQL_SCHEMES.get(scheme, scheme)
    if not separator or scheme not in {"sqlite", "postgresql+psycopg"}:
        message = "is no database we know: give sqlite:///path or postgresql://user@host/name"
        raise ValueError(message)
    return f"{scheme}://{rest}"


def parse_redis_url(text: object) -> str:
    """The URL of a Redis or Valkey server."""
    return _checked_scheme(text, ("redis", "rediss", "unix"), "redis://host:6379/0")


def parse_broker_url(text: object) -> str:
    """The URL of a broker that Celery speaks to."""
    schemes = ("redis", "rediss", "redis+socket", "amqp", "amqps")
    return _checked_scheme(text, schemes, "redis://host:6379/1 or amqp://host")


def parse_public_url(text: object) -> str:
    """An http(s) URL without a final slash."""
    url = _checked_scheme(text, ("http", "https"), "https://chat.example.com")
    if not urlsplit(url).hostname:
        message = "names no host: give https://chat.example.com"
        raise ValueError(message)
    return url.rstrip("/")


def broker_beside(redis_url: str) -> str:
    """Database 1 of the same server, in the form Celery wants."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.netloc}{parts.path}?virtual_host=1"
    return urlunsplit((parts.scheme, parts.netloc, "/1", "", ""))


def _split(text: object) -> list[str]:
    return [part.strip() for part in str(text).split(",") if part.strip()]


def _checked_scheme(text: object, schemes: tuple[str, ...], example: str) -> str:
    url = str(text).strip()
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        message = f"has the wrong form: give {example}"
        raise ValueError(message)
    return url


# Text that is secret, or may hold a password, never shows in a repr.
Key = Annotated[bytes, NoDecode, BeforeValidator(parse_key), Field(repr=False)]
Keys = Annotated[tuple[bytes, ...], NoDecode, BeforeValidator(parse_keys), Field(repr=False)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(parse_networks)]
DatabaseUrl = Annotated[str, BeforeValidator(parse_database_url), Field(repr=False)]
RedisUrl = Annotated[str, BeforeValidator(parse_redis_url), Field(repr=False)]
BrokerUrl = Annotated[str, BeforeValidator(parse_broker_url), Field(repr=False)]
PublicUrl = Annotated[str, BeforeValidator(parse_public_url)]
