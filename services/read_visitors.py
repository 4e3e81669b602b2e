"""Visitors: page by page, and one whole with its devices, merges and live sessions."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy.engine import Connection

from domain.custom_ids import CustomIdInvalid, normalise_custom_id
from domain.ids import ProjectId, VisitorId
from services.read_sessions import LiveSession, list_live_sessions
from services.read_threads import ThreadMessage, with_keys
from services.stores import Stores
from storage.redis import sessions
from storage.sql import projects, visitors
from storage.sql.messages import list_messages
from storage.sql.visitors import Device, Merge, Visitor

ROWS_AT_ONCE = 200
LATEST_MESSAGES = 50
LATEST_DEVICES = 50
LATEST_MERGES = 50


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is read through a visitor: the open and the latest devices, the latest merges."""

    devices: list[Device]
    merges: list[Merge]
    more_devices: bool
    more_merges: bool


@dataclass(frozen=True, slots=True)
class WholeVisitor:
    """A visitor with everything that is read through it."""

    visitor: Visitor
    belongings: Belongings
    sessions: list[LiveSession]
    messages: list[ThreadMessage]


@dataclass(frozen=True, slots=True)
class VisitorFilter:
    """Which visitors are wanted; None admits all.

    Attributes:
        custom_id: in any spelling; nobody has one that is not valid.
        authenticated: whether a token has vouched for them.
        online: whether they have a live session.
    """

    custom_id: str | None = None
    authenticated: bool | None = None
    online: bool | None = None


def list_visitors(
    stores: Stores,
    project_id: ProjectId,
    wanted: VisitorFilter,
    *,
    limit: int,
    before: str | None = None,
) -> list[Visitor]:
    """Up to `limit` living visitors, newest first, older than the given id.

    Raises:
        ProjectNotFound: there is no such project.
        StorageUnavailable: a store does not answer.
    """
    online = None if wanted.online is None else _online_ids(stores, project_id)
    with stores.database.reading() as db:
        projects.get_project(db, project_id)
        try:
            wanted = _normal(wanted)
        except CustomIdInvalid:
            return []
        walk = _Walk(db, project_id, wanted)
        if online is None:
            return walk.page(before, limit)
        found = walk.those_of(online, before) if wanted.online else walk.others(online, before)
        return list(islice(found, limit))


def _normal(wanted: VisitorFilter) -> VisitorFilter:
    if wanted.custom_id is None:
        return wanted
    return replace(wanted, custom_id=normalise_custom_id(wanted.custom_id))


def _online_ids(stores: Stores, project_id: ProjectId) -> set[VisitorId]:
    return {session.visitor_id for session in sessions.list_sessions(stores.redis, project_id)}


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through a project's visitors, newest first."""

    db: Connection
    project_id: ProjectId
    wanted: VisitorFilter

    def page(self, before: str | None, limit: int) -> list[Visitor]:
        return visitors.list_visitors(
            self.db,
            self.project_id,
            limit=limit,
            before=before,
            custom_id=self.wanted.custom_id,
            authenticated=self.wanted.authenticated,
        )

    def others(self, ids: set[VisitorId], before: str | None) -> Iterator[Visitor]:
        """Those with none of these ids."""
        while rows := self.page(before, ROWS_AT_ONCE):
            yield from (row for row in rows if row.id not in ids)
            before = rows[-1].id

    def those_of(self, ids: set[VisitorId], before: str | None) -> Iterator[Visitor]:
        """Those with one of these ids; stretches of rows without any are skipped."""
        in_order = sorted(ids)
        left = len(in_order) if before is None else bisect_left(in_order, before)
        while left:
            just_behind = in_order[left - 1] + "~"
            rows = self.page(just_behind, ROWS_AT_ONCE)
            if not rows:
                return
            yield from (row for row in rows if row.id in ids)
            left = bisect_left(in_order, rows[-1].id)


def read_visitor(stores: Stores, project_id: ProjectId, visitor_id: VisitorId) -> WholeVisitor:
    """The visitor that this id is read through: itself, or what absorbed it.

    Raises:
        VisitorNotFound: there is none in this project.
    """
    with stores.database.reading() as db:
        visitor = visitors.get_visitor(db, project_id, visitor_id)
    return _whole(stores, visitor)


def _whole(stores: Stores, visitor: Visitor) -> WholeVisitor:
    with stores.database.reading() as db:
        belongings = read_belongings(db, visitor.id)
        latest = list_messages(db, visitor.id, limit=LATEST_MESSAGES)
        thread = with_keys(db, visitor.project_id, latest)
    live = list_live_sessions(stores, visitor.project_id)
    theirs = [session for session in live if session.visitor_id == visitor.id]
    return WholeVisitor(visitor, belongings, theirs, thread)


def read_belongings(db: Connection, visitor_id: VisitorId) -> Belongings:
    """At most 50 devices, those that are open first, and 50 merges, and whether there are more."""
    devices = visitors.list_devices(db, visitor_id, limit=LATEST_DEVICES + 1)
    merges = visitors.list_merges(db, visitor_id, limit=LATEST_MERGES + 1)
    return Belongings(
        devices[:LATEST_DEVICES],
        merges[:LATEST_MERGES],
        len(devices) > LATEST_DEVICES,
        len(merges) > LATEST_MERGES,
    )
