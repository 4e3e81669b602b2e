"""From errors to answers: one table of statuses, one envelope, nothing internal in it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dashboard.rate_limits import TooManyRequests
from domain.errors import Conflict, Invalid, NotFound, Refused, StorageUnavailable, WidgetAuthError
from domain.json_values import Json, JsonObject
from domain.rotation_refusals import AlreadyRevealed
from services.member_sign_ins import SignInRefused
from services.passwords import Busy

log = structlog.get_logger(__name__)

UNAVAILABLE_RETRY_SECONDS = 2
METHOD_NOT_ALLOWED = 405
_MOST_FIELDS = 20


class Unauthenticated(Refused):
    """Give a valid API key: Authorization: Bearer <api key>."""

    code = "unauthenticated"


class AccessRefused(Refused):
    """Your role does not allow that."""

    code = "access_refused"


class CrossSiteRefused(Refused):
    """This was not sent from a page of the dashboard, or from one of an earlier sign-in."""

    code = "cross_site_refused"


class CursorInvalid(Invalid):
    """The cursor is not one that this list gave out."""

    code = "cursor_invalid"


STATUS_OF: dict[type[WidgetAuthError], int] = {
    CursorInvalid: 400,
    Unauthenticated: 401,
    SignInRefused: 401,
    AccessRefused: 403,
    CrossSiteRefused: 403,
    NotFound: 404,
    AlreadyRevealed: 410,
    Conflict: 409,
    Invalid: 422,
    Refused: 422,
    TooManyRequests: 429,
    Busy: 503,
    StorageUnavailable: 503,
}

_HTTP_ERRORS: dict[int, tuple[str, str]] = {
    400: ("malformed_body", "The body is not valid JSON in UTF-8."),
    404: ("not_found", "There is nothing at this path."),
    405: ("method_not_allowed", "This path does not take that method."),
    413: ("body_too_large", "The body is larger than 64 KiB."),
}
# A field's path as our own sentences begin with it: `limits.connects_per_address: give …`.
_FIELD_SENTENCE = re.compile(r"(?P<field>[a-z_]+(\.[a-z_]+)*): (?P<message>.+)", re.DOTALL)
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def error_response(
    status: int,
    code: str,
    message: str,
    details: JsonObject | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The error in the one form that errors have."""
    body = {"error": {"code": code, "message": message, "details": details or {}}}
    return Response(json.dumps(body), status, headers, media_type="application/json")


def answer_errors(app: FastAPI) -> None:
    """Every refusal, every unavailable store and every ill-formed request has its answer."""
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(StorageUnavailable, _answer_unavailable)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)


def status_of(error: Refused) -> int:
    """The status of the nearest class in the table."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def retry_headers(error: Exception) -> dict[str, str]:
    """When to come back, where that may help."""
    if isinstance(error, TooManyRequests):
        return {"retry-after": str(error.retry_after_seconds)}
    if isinstance(error, Busy | StorageUnavailable):
        return {"retry-after": str(UNAVAILABLE_RETRY_SECONDS)}
    return {}


async def _answer_refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):  # registered for nothing else
        raise error
    return error_response(
        status_of(error), error.code, str(error), _details(error), _headers(error)
    )


async def _answer_unavailable(_request: Request, error: Exception) -> Response:
    log.warning("store_unavailable", cause=type(error.__cause__).__name__)
    message = "A store does not answer just now; try again."
    headers = retry_headers(error)
    return error_response(STATUS_OF[StorageUnavailable], "unavailable", message, headers=headers)


def _details(error: Exception) -> JsonObject:
    sentence = _FIELD_SENTENCE.fullmatch(str(error)) if isinstance(error, Invalid) else None
    return {"fields": [dict(sentence.groupdict())]} if sentence else {}


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    return retry_headers(error)


async def _answer_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # registered for nothing else
        raise error
    code, message = _HTTP_ERRORS.get(error.status_code, ("refused", "This cannot be done."))
    headers = {"allow": _methods_of(request)} if error.status_code == METHOD_NOT_ALLOWED else None
    return error_response(error.status_code, code, message, headers=headers)


def _methods_of(request: Request) -> str:
    """The methods of all routes with this path; the framework names those of the first."""
    routes: list[APIRoute] = [*request.app.state.routes, *request.app.state.pages]
    fitting = [route for route in routes if route.path_regex.match(request.url.path)]
    return ", ".join(sorted({method for route in fitting for method in route.methods or ()}))


async def _answer_validation(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):  # registered for nothing else
        raise error
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return error_response(400, *_HTTP_ERRORS[400])
    fields: list[Json] = [
        {"field": _field_name(fault["loc"]), "message": _sentence(fault)}
        for fault in faults[:_MOST_FIELDS]
    ]
    message = "The request is not of the expected form; details.fields says where."
    return error_response(422, Invalid.code, message, {"fields": fields})


def _field_name(location: tuple[str | int, ...]) -> str:
    """`limits.connects_per_address`, `cursor`, or `body` for the whole of it."""
    parts = [str(part) for part in location[1:]] or [str(location[0])]
    return ".".join(part if _FIELD_NAME.fullmatch(part) else "?" for part in parts)


def _sentence(fault: dict[str, Any]) -> str:
    """What was expected; never what was given."""
    match fault["type"]:
        case "value_error":
            return str(fault["ctx"]["error"])
        case "model_attributes_type" | "model_type":
            return "give a JSON object, with Content-Type: application/json"
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "there is no such member"
        case _:
            return str(fault["msg"])
