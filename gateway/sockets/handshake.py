"""What a request must say to become a socket (RFC 6455 section 4.2), and the two answers to it."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from domain.errors import WidgetAuthError
from gateway.sockets.interface import UpgradeDecision

PATH: Final = b"/v1/socket"
SUBPROTOCOL: Final = "widget-auth.v1"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_MAX_QUERY_FIELDS = 16
_PROJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_USUAL_QUERY = re.compile(rb"project=([A-Za-z0-9_-]{1,64})")
_SINGLE = frozenset(
    {b"host", b"origin", b"sec-websocket-key", b"sec-websocket-version", b"content-length"}
)
_LISTS = frozenset({b"sec-websocket-protocol", b"x-forwarded-for", b"transfer-encoding"})


class HandshakeRefused(WidgetAuthError):
    """The request does not become a socket."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.decision = UpgradeDecision(status, code, message)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """An upgrade request as the HTTP parser read it; header names in lower case."""

    method: str
    http_version: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a well-formed request says."""

    project_id: str
    origin: str | None
    key: bytes
    forwarded_for: list[str]


def read_handshake(head: RequestHead) -> Handshake:
    """The request is well-formed for a widget socket.

    Raises:
        HandshakeRefused: with 404 for another path, 426 for another version of WebSocket, 400
            for whatever else is missing, double or malformed.
    """
    if head.path != PATH:
        raise HandshakeRefused(HTTPStatus.NOT_FOUND, "not_found", "There is no socket here.")
    if head.method != "GET" or head.http_version != "1.1":
        raise _bad("A socket is asked for with GET over HTTP/1.1.")
    singles, lists = _sort_headers(head.headers)
    _check_version(singles)
    _check_body(singles, lists)
    if SUBPROTOCOL not in _tokens(lists.get(b"sec-websocket-protocol", [])):
        raise _bad(f"The sub-protocol {SUBPROTOCOL} has to be offered.")
    return Handshake(
        project_id=_project_id(head.query),
        origin=singles.get(b"origin"),
        key=_checked_key(singles.get(b"sec-websocket-key", "")),
        forwarded_for=lists.get(b"x-forwarded-for", []),
    )


def switching_response(key: bytes) -> bytes:
    """The socket is open: our sub-protocol, no extensions."""
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n"
        b"Sec-WebSocket-Protocol: %b\r\n"
        b"\r\n" % (accept, SUBPROTOCOL.encode())
    )


def refusal_response(decision: UpgradeDecision) -> bytes:
    """The decision as a whole HTTP response, the last on its connection."""
    error = {"code": decision.code, "message": decision.message, "details": {}}
    body = json.dumps({"error": error}).encode()
    connection = "close"
    extra = ""
    if decision.status is HTTPStatus.UPGRADE_REQUIRED:
        connection = "close, upgrade"
        extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    head = (
        f"HTTP/1.1 {decision.status.value} {decision.status.phrase}\r\n"
        f"Connection: {connection}\r\n"
        f"{extra}"
        "Content-Type: application/json\r\n"
        "Cache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n"
        "\r\n"
    )
    return head.encode() + body


def _bad(message: str) -> HandshakeRefused:
    return HandshakeRefused(HTTPStatus.BAD_REQUEST, "bad_request", message)


def _sort_headers(
    headers: Iterable[tuple[bytes, bytes]],
) -> tuple[dict[bytes, str], dict[bytes, list[str]]]:
    singles: dict[bytes, str] = {}
    lists: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in _SINGLE:
            if name in singles:
                raise _bad(f"The header {name.decode()} may come once.")
            singles[name] = value.decode("latin-1")
        elif name in _LISTS:
            lists.setdefault(name, []).append(value.decode("latin-1"))
    return singles, lists


def _check_version(singles: dict[bytes, str]) -> None:
    if not singles.get(b"host"):
        raise _bad("The header host is missing.")
    if singles.get(b"sec-websocket-version") != "13":
        raise HandshakeRefused(
            HTTPStatus.UPGRADE_REQUIRED, "upgrade_required", "WebSocket version 13 is spoken here."
        )


def _check_body(singles: dict[bytes, str], lists: dict[bytes, list[str]]) -> None:
    if b"transfer-encoding" in lists or singles.get(b"content-length", "0") != "0":
        raise _bad("A request for a socket has no body.")


def _tokens(values: Iterable[str]) -> set[str]:
    return {token.strip() for value in values for token in value.split(",")}


def _project_id(query: bytes) -> str:
    usual = _USUAL_QUERY.fullmatch(query)
    if usual is not None:
        return usual[1].decode()
    try:
        fields = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS
        )
    except ValueError:
        raise _bad("The query cannot be read.") from None
    projects = [value for name, value in fields if name == "project"]
    if len(projects) != 1 or _PROJECT_ID.fullmatch(projects[0]) is None:
        raise _bad("The query names one project: ?project=<id>.")
    return projects[0]


def _checked_key(key: str) -> bytes:
    """The key as it came, once it is known to be 16 bytes of base64."""
    try:
        decoded = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        raise _bad("The header sec-websocket-key has to be 16 bytes of base64.")
    return key.encode("ascii")
