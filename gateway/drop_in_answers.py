"""What the drop-in endpoints answer, in the form that clients of the original system expect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from domain.errors import WidgetAuthError
from domain.refusals import SENTENCES, RefusalCode

_STATUS_OF: Final[dict[str, HTTPStatus]] = {
    RefusalCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    RefusalCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
_PREFLIGHT: Final = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"600"),
]

Headers = list[tuple[bytes, bytes]]


class Denied(WidgetAuthError):
    """The request is not granted."""

    def __init__(
        self, status: HTTPStatus, code: str, message: str, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms

    @classmethod
    def of(cls, code: str, message: str, retry_after_ms: int | None = None) -> "Denied":
        """The refusal of a token: 401, unless trying again may help."""
        status = _STATUS_OF.get(code, HTTPStatus.UNAUTHORIZED)
        return cls(status, code, message, retry_after_ms)


class OriginDenied(Denied):
    """Nor is a page of this origin to read that."""

    def __init__(self) -> None:
        message = "This project does not allow this origin."
        super().__init__(HTTPStatus.FORBIDDEN, "origin_not_allowed", message)


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """One response. `code` is empty for a good one, and goes into the log."""

    status: HTTPStatus
    body: bytes
    headers: Headers
    code: str = ""


def granted(body: Mapping[str, object], origin: str | None) -> Answer:
    """A good answer, which pages of the origin may read."""
    return Answer(HTTPStatus.OK, _json({"success": True, **body}), _readable_by(origin))


def denied(error: Denied, origin: str | None) -> Answer:
    """A refusal; pages may read it, unless it is for where they come from."""
    headers = [] if isinstance(error, OriginDenied) else _readable_by(origin)
    if error.retry_after_ms is not None:
        headers.append((b"retry-after", b"%d" % ceil(error.retry_after_ms / 1000)))
    body = {"success": False, "msg": error.message, "code": error.code}
    return Answer(error.status, _json(body), headers, error.code)


def preflight() -> Answer:
    """Any page may ask: whether it may read the answer is decided with the request itself.

    Which project it is about, and so which origins are allowed, a preflight does not say.
    """
    return Answer(HTTPStatus.NO_CONTENT, b"", _PREFLIGHT)


def only_post() -> Answer:
    """The endpoints take nothing else."""
    message = "Send a POST."
    body = {"success": False, "msg": message, "code": "method_not_allowed"}
    headers = [(b"allow", b"POST, OPTIONS")]
    return Answer(HTTPStatus.METHOD_NOT_ALLOWED, _json(body), headers, "method_not_allowed")


def unavailable(retry_after_ms: int) -> Denied:
    """Nobody can say just now."""
    code = RefusalCode.UNAVAILABLE
    return Denied.of(code, SENTENCES[code], retry_after_ms)


def too_many(retry_after_ms: int) -> Denied:
    """This address has asked too often."""
    code = RefusalCode.RATE_LIMITED
    return Denied.of(code, SENTENCES[code], retry_after_ms)


def _readable_by(origin: str | None) -> Headers:
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    ]


def _json(body: Mapping[str, object]) -> bytes:
    """As ASCII: a good token's claims may hold what UTF-8 cannot, such as half a surrogate pair."""
    return json.dumps(body, separators=(",", ":")).encode()
