"""The inbox: every conversation, one of them open, and an agent's answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from dashboard.agent_names import name_for_visitors
from dashboard.authorisation import Caller, CallerOf
from dashboard.pages.faces import Faces
from dashboard.pages.inbox_shown import ConversationShown, show_conversation, show_thread
from dashboard.pages.page_routes import PageRoute
from dashboard.pages.rendering import go_to, page
from dashboard.pages.streams import stream_changes
from dashboard.paging import USUAL, Page, page_of
from dashboard.runtime import Runtime, RuntimeOf
from dashboard.wire import ProjectPath, VisitorPath
from domain.errors import Invalid
from domain.ids import ProjectId, VisitorId
from domain.permissions import Action
from services.answer_visitor import answer_visitor
from services.read_marks import read_marks
from services.read_threads import ReadConversation, read_conversations, read_thread
from services.watch_visitors import tell_state
from storage.sql import projects, visitors

PATH = "inbox"

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ConversationPage = Annotated[Page, Depends(page_of("conversations"))]
MessagePage = Annotated[Page, Depends(page_of("messages"))]
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Written:
    """The form as it was sent and could not be taken."""

    text: str = ""
    name: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of conversations."""

    items: list[ConversationShown]
    next_cursor: str | None
    is_first: bool


@router.get(f"/projects/{{project_id}}/{PATH}", name=Action.CONVERSATIONS_LIST)
def read_inbox(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    listed: ConversationPage,
) -> Response:
    """Every conversation, that with the latest message first."""
    # Before anything else is read: what comes meanwhile is then told as a change.
    state = tell_state(runtime.stores, project_id)
    found = read_conversations(runtime.stores, project_id, limit=listed.ahead, before=listed.after)
    listing = _listing(found, listed, read_faces(runtime, project_id, caller))
    return page(request, "inbox.html", state=state, thread=None, listing=listing)


@router.get(f"/projects/{{project_id}}/{PATH}/changes", name=Action.CONVERSATIONS_LIST)
def follow_inbox(
    request: Request, runtime: RuntimeOf, caller: CallerOf, project_id: ProjectPath
) -> Response:
    """Tells whenever the inbox, or a visitor's page, shows something else."""
    return stream_changes(request, caller, lambda: tell_state(runtime.stores, project_id))


@router.get(f"/projects/{{project_id}}/{PATH}/{{visitor_id}}", name=Action.MESSAGES_LIST)
def open_thread(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,  # noqa: ARG001 - checked; the page below finds it in the path
    visitor_id: VisitorPath,
    shown: MessagePage,
) -> Response:
    """One conversation beside the others; an absorbed record's is that of who absorbed it."""
    return _thread_page(request, runtime, caller, visitor_id, shown)


@router.post(f"/projects/{{project_id}}/{PATH}/{{visitor_id}}", name=Action.MESSAGES_SEND)
def answer(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    project_id: ProjectPath,
    visitor_id: VisitorPath,
    text: Text = "",
    name: Text = "",
) -> Response:
    """The visitor has the answer. Where scripts run, the API is asked for the same."""
    words = text.replace("\r\n", "\n").strip()  # browsers send line ends of their own
    name = name.strip() or name_for_visitors(caller)
    try:
        answer_visitor(runtime.stores, project_id, visitor_id, words, name, caller.actor)
    except Invalid as refusal:
        written = Written(text, name, str(refusal).partition(": ")[2])
        latest = Page("messages", USUAL, None)
        return _thread_page(request, runtime, caller, visitor_id, latest, written)
    return go_to(request, f"/projects/{project_id}/{PATH}/{visitor_id}")


def read_faces(runtime: Runtime, project_id: ProjectId, caller: Caller) -> Faces:
    """How visitors of the project look to this caller.

    Read after the visitors: then every secret is known that one of them has signed in with.

    Raises:
        ProjectNotFound: there is no such project.
    """
    with runtime.stores.database.reading() as db:
        zone = projects.get_project(db, project_id).time_zone
        marks = read_marks(db, project_id)
    return Faces(marks, zone, caller.may(Action.SECRETS_LIST))


def _thread_page(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    visitor_id: VisitorId,
    shown: Page,
    written: Written | None = None,
) -> Response:
    stores = runtime.stores
    project_id = ProjectId(request.path_params["project_id"])
    others = Page("conversations", USUAL, None)
    state = tell_state(stores, project_id)
    with stores.database.reading() as db:
        visitor = visitors.get_visitor(db, project_id, visitor_id)
    found = read_thread(stores, project_id, visitor.id, limit=shown.ahead, before=shown.after)
    messages, older = shown.cut(found, lambda each: each.message.id)
    conversations = read_conversations(stores, project_id, limit=others.ahead)
    faces = read_faces(runtime, project_id, caller)
    return page(
        request,
        "inbox.html",
        status=422 if written else 200,
        state=state,
        thread=show_thread(faces.of(visitor), messages, older, is_latest=shown.after is None),
        written=written or Written(name=name_for_visitors(caller)),
        listing=_listing(conversations, others, faces),
    )


def _listing(found: Sequence[ReadConversation], listed: Page, faces: Faces) -> Listing:
    items, next_cursor = listed.cut(found, lambda each: each.last_message.message.id)
    lines = [show_conversation(each, faces) for each in items]
    return Listing(lines, next_cursor, is_first=listed.after is None)
