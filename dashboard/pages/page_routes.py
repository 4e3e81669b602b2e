"""Routes of pages: for members who are signed in, by the one table of who may do what."""

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from dashboard.authorisation import Answer, Caller, find_member, require_permission
from dashboard.cross_site import (
    CSRF_FIELD,
    CSRF_HEADER,
    SAFE_METHODS,
    require_csrf_token,
    require_own_origin,
)
from dashboard.pages.local_paths import HOME, sign_in_path
from dashboard.requests import facts_of
from dashboard.runtime import Runtime
from domain.permissions import Action


class PageRoute(APIRoute):
    """A route whose name is the action it stands for, like `GuardedRoute`, but for browsers.

    Who is not signed in is led to the sign-in page and from there back. A form has to come from
    one of our pages, made for this very sign-in.
    """

    def get_route_handler(self) -> Answer:
        """The route's answer to those who may have it.

        Raises:
            ValueError: the name is no action.
        """
        answer = super().get_route_handler()
        action = Action(self.name)

        async def guarded(request: Request) -> Response:
            facts_of(request.scope).route = self.path
            caller = await run_in_threadpool(find_member, _runtime_of(request), request, action)
            if caller is None:
                return _to_sign_in(request)
            await _require_own_page(request)
            await run_in_threadpool(require_permission, request, caller, action)
            request.state.caller = caller
            return await answer(request)

        return guarded


def caller_of(request: Request) -> Caller | None:
    """Who asks, where the route has found out."""
    return getattr(request.state, "caller", None)


async def _require_own_page(request: Request) -> None:
    if request.method in SAFE_METHODS:
        return
    runtime = _runtime_of(request)
    require_own_origin(runtime, request)
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    require_csrf_token(runtime, request, given)


def _to_sign_in(request: Request) -> Response:
    """Back to the page that was asked for; what a form held is lost."""
    wanted = request.url.path
    if request.url.query:
        wanted += f"?{request.url.query}"
    then = wanted if request.method in SAFE_METHODS else HOME
    return RedirectResponse(sign_in_path(then), 303)


def _runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime
