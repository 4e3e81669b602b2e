"""Visitors: listed, and one whole."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from dashboard.api.sessions import Session
from dashboard.authorisation import Caller, CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.paging import Page, page_of
from dashboard.runtime import RuntimeOf
from dashboard.wire import (
    API_PREFIX,
    Answer,
    KeyUuid,
    Object,
    ProjectPath,
    Truth,
    Uuid,
    VisitorPath,
    WireTime,
)
from domain.custom_ids import MAX_CHARACTERS
from domain.messages import Author
from domain.permissions import Action
from services.read_threads import ThreadMessage
from services.read_visitors import VisitorFilter, WholeVisitor, list_visitors, read_visitor
from storage.sql.visitors import Device as StoredDevice
from storage.sql.visitors import Visitor as StoredVisitor

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["visitors"])

VisitorPage = Annotated[Page, Depends(page_of("visitors"))]


class Visitor(Answer):
    """A visitor. Name, e-mail and attributes are signed; `declared` is what anybody may say."""

    id: Uuid
    custom_id: str | None
    name: str | None
    email: str | None
    attributes: Object | None
    declared: Object | None
    authenticated: bool
    authenticated_at: WireTime | None
    authenticated_by: KeyUuid | None
    created_at: WireTime

    @classmethod
    def of(cls, visitor: StoredVisitor) -> "Visitor":
        """The visitor as it is shown."""
        return cls(**_members(visitor))


class VisitorList(Answer):
    """Visitors, newest first."""

    items: list[Visitor]
    next_cursor: str | None


class Device(Answer):
    """A browser that reads through this visitor, or did until it ended."""

    id: str | None = Field(description="Null for roles that may not speak as this device.")
    created_at: WireTime
    ended_at: WireTime | None


class Merge(Answer):
    """An anonymous record that this visitor absorbed."""

    id: Uuid
    absorbed_id: Uuid
    merged_at: WireTime
    undone_at: WireTime | None


class Message(Answer):
    """One message. Who vouched for it stands as it was when it was sent."""

    id: Uuid
    visitor_id: Uuid = Field(description="The record that it was written in.")
    author: Author
    agent_name: str | None
    text: str = Field(repr=False)
    sent_at: WireTime
    verified: bool = Field(description="Whether a signed token vouched for its author.")
    verified_by: KeyUuid | None
    verified_as: Uuid | None
    key_revoked_at: WireTime | None = Field(description="If that key was revoked since.")

    @classmethod
    def of(cls, found: ThreadMessage) -> "Message":
        """The message as it is shown."""
        message = found.message
        return cls(
            id=message.id,
            visitor_id=message.visitor_id,
            author=message.author,
            agent_name=message.agent_name,
            text=message.text,
            sent_at=message.sent_at,
            verified=message.verified_by is not None,
            verified_by=message.verified_by,
            verified_as=message.verified_as,
            key_revoked_at=found.key_revoked_at,
        )


class VisitorWithAll(Visitor):
    """A visitor with everything that is read through it."""

    redirected_from: Uuid | None = Field(
        default=None, description="The absorbed record's id that was asked for, if it was one."
    )
    messages: list[Message] = Field(description="The latest of its thread, newest first.")
    devices: list[Device] = Field(description="At most 50: open ones first, then the latest.")
    more_devices: bool = Field(description="Whether there are more.")
    sessions: list[Session]
    merges: list[Merge] = Field(description="At most 50, the latest first.")
    more_merges: bool = Field(description="Whether there are more.")

    @classmethod
    def of_whole(cls, whole: WholeVisitor, caller: Caller) -> "VisitorWithAll":
        """The visitor as this caller sees it: device ids and nodes are not for every role."""
        identify = caller.may(Action.DEVICES_IDENTIFY)
        locate = caller.may(Action.SESSIONS_LIST)
        theirs = whole.belongings
        return cls(
            **_members(whole.visitor),
            devices=[_device(device, identify=identify) for device in theirs.devices],
            more_devices=theirs.more_devices,
            sessions=[Session.of(session, locate=locate) for session in whole.sessions],
            messages=[Message.of(message) for message in whole.messages],
            merges=[Merge.model_validate(merge, from_attributes=True) for merge in theirs.merges],
            more_merges=theirs.more_merges,
        )


def _members(visitor: StoredVisitor) -> Object:
    return {
        "id": visitor.id,
        "custom_id": visitor.custom_id,
        "name": visitor.name,
        "email": visitor.email,
        "attributes": visitor.attributes,
        "declared": visitor.declared,
        "authenticated": visitor.authenticated_at is not None,
        "authenticated_at": visitor.authenticated_at,
        "authenticated_by": visitor.authenticated_by,
        "created_at": visitor.created_at,
    }


def _device(device: StoredDevice, *, identify: bool) -> Device:
    return Device(
        id=device.id if identify else None,
        created_at=device.created_at,
        ended_at=device.ended_at,
    )


@router.get(
    "/projects/{project_id}/visitors",
    name=Action.VISITORS_LIST,
    responses=refusals(400, 404, 422),
)
def find_visitors(
    project_id: ProjectPath,
    page: VisitorPage,
    runtime: RuntimeOf,
    *,
    custom_id: Annotated[str | None, Query(min_length=1, max_length=MAX_CHARACTERS)] = None,
    authenticated: Truth | None = None,
    online: Truth | None = None,
) -> VisitorList:
    """The project's visitors by any of: who they are, whether vouched for, whether connected."""
    wanted = VisitorFilter(custom_id, authenticated, online)
    found = list_visitors(runtime.stores, project_id, wanted, limit=page.ahead, before=page.after)
    items, next_cursor = page.cut(found, lambda visitor: visitor.id)
    return VisitorList(items=[Visitor.of(item) for item in items], next_cursor=next_cursor)


@router.get(
    "/projects/{project_id}/visitors/{visitor_id}",
    name=Action.VISITORS_READ,
    responses=refusals(404),
)
def show_visitor(
    project_id: ProjectPath, visitor_id: VisitorPath, runtime: RuntimeOf, caller: CallerOf
) -> VisitorWithAll:
    """One visitor whole. An absorbed record's id leads to the visitor that absorbed it."""
    whole = read_visitor(runtime.stores, project_id, visitor_id)
    shown = VisitorWithAll.of_whole(whole, caller)
    if shown.id == visitor_id:
        return shown
    return shown.model_copy(update={"redirected_from": visitor_id})
