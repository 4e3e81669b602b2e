"""From a template to a page: its frame, its headers, and what the page before left to say."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboard.pages.browser_names import browser_name
from dashboard.pages.flash import Flash, forget_flash, leave_flash, take_flash
from dashboard.pages.page_routes import caller_of
from dashboard.pages.shell import shell_of
from dashboard.pages.static_files import static_path
from domain.times import to_wire

_ALLOWED = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "content-security-policy": "; ".join(f"{what} {source}" for what, source in _ALLOWED.items()),
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    # Without a referrer browsers send no origin with a form either.
    "referrer-policy": "same-origin",
}


def exact_time(moment: datetime, zone: str = "UTC") -> str:
    """The moment as people read it in that zone: `22 Nov 2026, 09:00 UTC`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["static"] = static_path
    environment.filters |= {"wire": to_wire, "exact": exact_time, "browser": browser_name}
    return environment


_TEMPLATES = _environment()


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> Response:
    """The page that the template makes of these facts; reads SQL, so not on the event loop.

    Args:
        request: whose caller, project and navigation stand in the frame.
        template: its file name.
        status: of the answer.
        headers: more of them.
        facts: the template's variables.
    """
    flash = take_flash(request)
    shell = shell_of(request, caller_of(request))
    text = _TEMPLATES.get_template(template).render(shell=shell, flash=flash, **facts)
    response = HTMLResponse(text, status, {**HEADERS, **(headers or {})})
    if flash:
        forget_flash(request, response)
    return response


def go_to(request: Request, path: str, flash: Flash | None = None) -> Response:
    """On to another page by GET, as after every form; what there is to say is said there."""
    response = RedirectResponse(path, 303)
    if flash:
        leave_flash(request, response, flash)
    return response


def bare_page(template: str, status: int, headers: Mapping[str, str], **facts: Any) -> Response:
    """A page of which nothing but these facts is known: no caller, no store is asked."""
    text = _TEMPLATES.get_template(template).render(shell=shell_of(None, None), flash=None, **facts)
    return HTMLResponse(text, status, {**HEADERS, **headers})
