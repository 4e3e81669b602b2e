"""The OpenAPI document, for everybody."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from dashboard.authorisation import PublicRoute
from dashboard.openapi import make_document
from dashboard.wire import API_PREFIX

router = APIRouter(prefix=API_PREFIX, route_class=PublicRoute)


@router.get("/openapi.json", name="document.read", include_in_schema=False)
async def read_document(request: Request) -> JSONResponse:
    """What the API can be asked, and what it answers."""
    return JSONResponse(document_of(request.app))


def document_of(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = make_document(app)
    return app.openapi_schema
