"""Errors as pages, for people; statuses and words are those that programs get."""

import json
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from dashboard.pages.rendering import bare_page, page
from dashboard.wire import API_PREFIX
from domain.errors import StorageUnavailable

Handler = Callable[[Request, Any], Response | Awaitable[Response]]

_TITLES = {
    401: "Not signed in",
    403: "This is not yours to do",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "Something changed meanwhile",
    429: "A moment, please",
    503: "Not just now",
}
_KEPT_HEADERS = ("retry-after", "allow")


def show_errors(app: FastAPI) -> None:
    """Every error that has an answer has a page for those who read one."""
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _also_as_page(handler))


def failure_page(scope: Scope, answer: Response) -> Response | None:
    """The page of an error that nobody foresaw, if the request is for a page."""
    if not _wants_page(scope):
        return None
    return bare_page("error.html", answer.status_code, {}, **_facts(answer))


def _also_as_page(handler: Handler) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answered(request: Request, error: Exception) -> Response:
        answer = handler(request, error)
        if isawaitable(answer):
            answer = await answer
        if not _wants_page(request.scope):
            return answer
        kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        try:
            return await run_in_threadpool(
                page,
                request,
                "error.html",
                status=answer.status_code,
                headers=kept,
                **_facts(answer),
            )
        except StorageUnavailable:  # the frame reads SQL, too
            return bare_page("error.html", answer.status_code, kept, **_facts(answer))

    return answered


def _wants_page(scope: Scope) -> bool:
    path: str = scope["path"]
    return not path.startswith(f"{API_PREFIX}/") and "text/html" in Headers(scope=scope).get(
        "accept", ""
    )


def _facts(answer: Response) -> dict[str, object]:
    error = json.loads(bytes(answer.body))["error"]
    title = _TITLES.get(answer.status_code, "Something went wrong")
    return {"title": title, "message": error["message"], "details": error["details"]}
