"""The browser SDK over HTTP: read, compressed and named by its content when the process starts."""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

PATH: Final = "/widget/tiledesk.js"
_FILE: Final = Path(__file__).parents[1] / "widget" / "tiledesk.js"

# A page asks again after five minutes, and then mostly hears 304: a mended SDK is everywhere soon.
_CACHE_CONTROL: Final = b"public, max-age=300, stale-while-revalidate=3600"
_GZIP: Final = b"gzip"


@dataclass(frozen=True, slots=True)
class Encoded:
    """The file's bytes in one content coding, and the strong entity tag of exactly these."""

    body: bytes
    tag: bytes
    coding: bytes = b""

    @classmethod
    def of(cls, body: bytes, coding: bytes = b"") -> Self:
        """The bytes with their tag."""
        return cls(body, b'"%b"' % sha256(body).hexdigest()[:32].encode(), coding)


class WidgetFile:
    """The SDK as any page on any origin may load it. It holds nothing that is a project's."""

    def __init__(self, path: Path = _FILE) -> None:
        text = path.read_bytes()
        self._plain = Encoded.of(text)
        self._gzipped = Encoded.of(gzip.compress(text, 9, mtime=0), _GZIP)

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """The request has been answered."""
        if scope["method"] in {"GET", "HEAD"}:
            status, headers, body = self._respond(scope["headers"])
        else:
            status, headers, body = 405, [(b"allow", b"GET, HEAD"), (b"content-length", b"0")], b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _respond(self, asked: Headers) -> tuple[int, Headers, bytes]:
        accepted = _listed(asked, b"accept-encoding")
        encoded = self._gzipped if _admits_gzip(accepted) else self._plain
        known = {tag.removeprefix(b"W/") for tag in _listed(asked, b"if-none-match")}
        headers = _headers(encoded)
        if known & {encoded.tag, b"*"}:
            return 304, headers, b""
        length = (b"content-length", str(len(encoded.body)).encode())
        coding = [(b"content-encoding", encoded.coding)] if encoded.coding else []
        return 200, [*headers, *coding, length], encoded.body


def _headers(encoded: Encoded) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"etag", encoded.tag),
        (b"cache-control", _CACHE_CONTROL),
        (b"vary", b"accept-encoding"),
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"x-content-type-options", b"nosniff"),
    ]


def _listed(headers: Headers, name: bytes) -> list[bytes]:
    values = b",".join(value for key, value in headers if key == name)
    return [value.strip() for value in values.split(b",") if value.strip()]


def _admits_gzip(accepted: Iterable[bytes]) -> bool:
    """Whether gzip is named and not refused by a weight of zero (RFC 9110 section 12.5.3)."""
    for each in accepted:
        coding, _, parameters = each.lower().partition(b";")
        if coding.strip() == _GZIP:
            return parameters.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}
    return False
