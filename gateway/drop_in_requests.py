"""Reading a request to a drop-in endpoint: bounded, and with no more believed than it says."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from domain.client_addresses import Network, client_address
from domain.errors import WidgetAuthError
from domain.tokens.strict_json import read_object
from gateway.drop_in_answers import Denied

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Fields: TypeAlias = dict[str, Any]

MAX_BODY_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 64


class Gone(WidgetAuthError):
    """Whoever asked has left."""


@dataclass(frozen=True, slots=True, repr=False)
class DropInHead:
    """What the headers say; `origin` and `authorization` are None where there are none."""

    address: str
    origin: str | None
    authorization: str | None
    content_type: str


def read_head(scope: Scope, trusted_proxies: Sequence[Network]) -> DropInHead:
    """The request's headers.

    Raises:
        Denied: 400, one comes twice that may come once.
    """
    peer = scope["client"][0] if scope.get("client") else ""
    content_type = _single(scope, b"content-type") or ""
    return DropInHead(
        address=client_address(peer, _all(scope, b"x-forwarded-for"), trusted_proxies),
        origin=_single(scope, b"origin"),
        authorization=_single(scope, b"authorization"),
        content_type=content_type.partition(";")[0].strip().lower(),
    )


async def read_fields(head: DropInHead, receive: Receive) -> Fields:
    """The members of a JSON object or the fields of a form; none where the body is neither.

    Raises:
        Denied: 413, more than 16 KiB; 400, it is not what its type says.
        Gone: the connection ended first.
    """
    body = await _read_body(receive)
    try:
        if not body:
            return {}
        if head.content_type == "application/json":
            return read_object(body)
        if head.content_type == "application/x-www-form-urlencoded":
            text = body.decode("ascii")
            return dict(parse_qsl(text, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:  # of Unicode, of JSON, of the number of fields
        message = "The body is not the JSON object or the form that its Content-Type says."
        raise Denied(HTTPStatus.BAD_REQUEST, "malformed_body", message) from None
    return {}


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise Denied(status, "body_too_large", "The body is larger than 16 KiB.")
        more = message.get("more_body", False)
    return bytes(body)


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _single(scope: Scope, name: bytes) -> str | None:
    values = _all(scope, name)
    if len(values) > 1:
        message = f"The header {name.decode()} may come once."
        raise Denied(HTTPStatus.BAD_REQUEST, "bad_request", message)
    return values[0] if values else None
