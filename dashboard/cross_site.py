"""Requests that change something by cookie: only our own pages may send them."""

from urllib.parse import urlsplit

from starlette.requests import Request

from dashboard.errors import CrossSiteRefused
from dashboard.runtime import Runtime

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"


def require_own_origin(runtime: Runtime, request: Request) -> None:
    """No other site's page sent the request; a program that is no browser may have.

    Raises:
        CrossSiteRefused: one did.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise CrossSiteRefused
    origin = request.headers.get("origin")
    if origin is None or origin == runtime.public_origin:
        return
    host = _host_of(origin)
    if not host or host != request.headers.get("host"):
        raise CrossSiteRefused


def require_csrf_token(runtime: Runtime, request: Request, given: str | None) -> None:
    """The page that sent the request had been made for this very sign-in.

    Args:
        runtime: of the dashboard.
        request: with the cookie of a sign-in.
        given: what it sent along.

    Raises:
        CrossSiteRefused: it had not.
    """
    token = runtime.cookies.sign_in_token(request)
    if token is None or not runtime.cookies.is_csrf_token(token, given or ""):
        raise CrossSiteRefused


def _host_of(origin: str) -> str:
    """Host and port; empty where the header holds no origin."""
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as of an address that never ends: `http://[`
        return ""
