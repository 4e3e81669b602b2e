"""The OpenAPI document: every answer, every error, and how to say who one is."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import Field

from dashboard.cookies import Cookies
from dashboard.wire import Answer, Object
from domain.permissions import PERMISSIONS, Action
from domain.roles import Role

TITLE = "widget-auth"
_ABOUT = """The admin API of widget-auth.

Times are ISO 8601 in UTC with a final `Z`, ids are UUIDs. Lists come in pages of 50; a page's
`next_cursor` leads to the next one and is null at the end. Every error has the same form, and a
code that programs can rely on."""
_MEANINGS = {
    400: "The body is not valid JSON, or the cursor not one of this list.",
    401: "There is neither a valid API key nor the cookie of somebody who is signed in.",
    403: "The caller's role does not allow that, and the audit log says so. Or a change was asked"
    " for with a cookie and without its CSRF token, or by another site.",
    404: "There is no such thing in the caller's reach.",
    409: "The request contradicts the present state.",
    410: "It was shown one time, and is not shown again.",
    413: "The body is larger than 64 KiB.",
    422: "Something in the request is not of the expected form; `details.fields` says what.",
    429: "Too many requests in a short time.",
    503: "A store does not answer; try again.",
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string"}}}
_HEADERS: dict[int, Object] = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}
_ANYWHERE = (401, 403, 429, 503)


class Fault(Answer):
    """What went wrong."""

    code: str = Field(description="For programs.", examples=["project_not_found"])
    message: str = Field(description="For people.")
    details: Object = Field(description="More, by code; `fields` lists what is ill-formed.")


class ErrorAnswer(Answer):
    """The one form of errors."""

    error: Fault


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of a guarded route's errors: these, and those that any route has."""
    documented: dict[int | str, dict[str, Any]] = {
        status: {
            "model": ErrorAnswer,
            "description": _MEANINGS[status],
            "headers": _HEADERS.get(status, {}),
        }
        for status in sorted({*_ANYWHERE, *statuses})
    }
    unforeseen = {"model": ErrorAnswer, "description": "Something went wrong inside."}
    return {**documented, "default": unforeseen}


def make_document(app: FastAPI) -> dict[str, Any]:
    """The document of all routes of the application."""
    document = get_openapi(
        title=TITLE,
        version=version("widget-auth"),
        description=_ABOUT,
        routes=app.routes,
    )
    cookies: Cookies = app.state.runtime.cookies
    document.setdefault("components", {})["securitySchemes"] = _schemes(cookies.sign_in_name)
    # A change asked for with the cookie needs its CSRF token too; whoever only reads needs none.
    document["security"] = [{"apiKey": []}, {"cookie": [], "csrfToken": []}]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["summary"] = operation.pop("description")
            operation["description"] = who_may(Action(operation["operationId"]))
    return document


def _schemes(cookie: str) -> dict[str, Any]:
    key = {"type": "http", "scheme": "bearer", "description": "An API key: `wa_…`"}
    kept = {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Of the dashboard."}
    token = {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "Stands on the dashboard's pages; for changes that are asked for by cookie.",
    }
    return {"apiKey": key, "cookie": kept, "csrfToken": token}


def who_may(action: Action) -> str:
    """The roles that the one table allows it, as a sentence."""
    roles = [f"{role.value}s" for role in Role if role in PERMISSIONS[action]]
    *others, last = roles
    return f"For {', '.join(others)} and {last}." if others else f"For {last}."
