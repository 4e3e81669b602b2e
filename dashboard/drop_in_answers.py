"""Refusals in the form that clients of the original system expect."""

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dashboard.errors import retry_headers, status_of
from dashboard.requests import facts_of
from domain.errors import Refused, StorageUnavailable

log = structlog.get_logger(__name__)

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class DropInRoute(APIRoute):
    """A route whose refusals have that form, and no challenge: no browser asks its user then."""

    def get_route_handler(self) -> Answer:
        """The route's answer, or its refusal."""
        answer = super().get_route_handler()

        async def in_their_form(request: Request) -> Response:
            facts_of(request.scope).route = self.path
            try:
                return await answer(request)
            except Refused as error:
                log.info("drop_in_refused", code=error.code, source=facts_of(request.scope).address)
                headers = retry_headers(error)
                return _refusal(status_of(error), error.code, str(error), headers)
            except StorageUnavailable as error:
                message = "A store does not answer just now; try again."
                return _refusal(503, "unavailable", message, retry_headers(error))
            except RequestValidationError as error:
                return _refusal(*_fault(error))
            except HTTPException as error:
                phrase = HTTPStatus(error.status_code).phrase
                return _refusal(error.status_code, phrase.lower().replace(" ", "_"), f"{phrase}.")

        return in_their_form


def _fault(error: RequestValidationError) -> tuple[int, str, str]:
    if any(fault["type"] == "json_invalid" for fault in error.errors()):
        return 400, "malformed_body", "The body is not valid JSON in UTF-8."
    return 422, "invalid", "Send a JSON object with email and password, both text and not empty."


def _refusal(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    body = {"success": False, "msg": message, "code": code}
    return Response(json.dumps(body), status, headers, media_type="application/json")
