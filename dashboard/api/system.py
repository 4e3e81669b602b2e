"""Figures of the whole system, for a monitoring system."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from dashboard.authorisation import GuardedRoute
from dashboard.openapi import refusals
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX
from domain.permissions import Action
from services.system_figures import render_figures

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["system"])


@router.get(
    "/system/metrics",
    name=Action.SYSTEM_READ,
    response_class=PlainTextResponse,
    responses=refusals(),
)
def read_metrics(runtime: RuntimeOf) -> PlainTextResponse:
    """Figures of the whole system in Prometheus' text format."""
    figures = render_figures(runtime.stores)
    return PlainTextResponse(figures, media_type=CONTENT_TYPE_LATEST)
