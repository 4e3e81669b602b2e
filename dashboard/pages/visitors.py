"""Visitors: found by who they are, whether somebody vouched for them, and whether they are here."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from dashboard.authorisation import CallerOf
from dashboard.pages.inbox import read_faces
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import page
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import ProjectPath
from domain.permissions import Action
from services.read_visitors import VisitorFilter, list_visitors

PATH = "visitors"
MOST_CHARACTERS = 300

router = APIRouter(route_class=PageRoute, include_in_schema=False)

VisitorPage = Annotated[Page, Depends(page_of("visitors"))]
Text = Annotated[str, Query(max_length=MOST_CHARACTERS)]
_TRUTH = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters as they were entered; empty ones admit all."""

    custom_id: str
    signed_in: str
    online: str

    @property
    def query(self) -> str:
        """The same as the query of a path."""
        members = {name: getattr(self, name) for name in Wanted.__slots__}
        return urlencode({name: text for name, text in members.items() if text})

    @property
    def known(self) -> VisitorFilter:
        """What to look for."""
        return VisitorFilter(
            custom_id=self.custom_id.strip() or None,
            authenticated=_TRUTH.get(self.signed_in),
            online=_TRUTH.get(self.online),
        )


def _wanted(custom_id: Text = "", signed_in: Text = "", online: Text = "") -> Wanted:
    return Wanted(custom_id, signed_in, online)


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.VISITORS_LIST)
def find_visitors(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    listed: VisitorPage,
    wanted: Annotated[Wanted, Depends(_wanted)],
) -> Response:
    """A page of the project's visitors, the newest first."""
    found = list_visitors(
        runtime.stores, project_id, wanted.known, limit=listed.ahead, before=listed.after
    )
    visitors, next_cursor = listed.cut(found, lambda visitor: visitor.id)
    faces = read_faces(runtime, project_id, caller)
    path = f"/projects/{project_id}/{PATH}"
    return page(
        request,
        "visitors.html",
        rows=[(faces.of(visitor), visitor.created_at) for visitor in visitors],
        wanted=wanted,
        path=f"{path}?{wanted.query}" if wanted.query else path,
        next_cursor=next_cursor,
        is_first=listed.after is None,
    )
