"""Origins of web pages, as browsers send them (RFC 6454 section 7)."""

import re
from urllib.parse import urlsplit

from domain.errors import Invalid

MOST = 100
_LONGEST = 255
_VISIBLE = re.compile("[!-~]+")  # urlsplit drops some controls, and lets others pass


def check_origins(origins: object) -> tuple[str, ...]:
    """The origins in the form browsers send: scheme, host and a port that is not the default.

    Raises:
        Invalid: naming the first that is none.
    """
    if not isinstance(origins, list) or len(origins) > MOST:
        message = f"allowed_origins: give a list of at most {MOST} origins"
        raise Invalid(message)
    return tuple(dict.fromkeys(_check(origin) for origin in origins))


def _check(origin: object) -> str:
    if isinstance(origin, str) and len(origin) <= _LONGEST and _VISIBLE.fullmatch(origin):
        try:
            parts = urlsplit(origin.lower())
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        else:
            bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
            if host and bare and parts.scheme in _DEFAULT_PORTS:
                return _join(parts.scheme, host, port)
    message = "allowed_origins: each is like https://shop.example or http://localhost:3000"
    raise Invalid(message)


_DEFAULT_PORTS = {"http": 80, "https": 443}


def _join(scheme: str, host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"
