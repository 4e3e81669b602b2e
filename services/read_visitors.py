"""One visitor whole: the living record, its devices, merges and live sessions."""

from dataclasses import dataclass

from domain.ids import ProjectId, VisitorId
from services.read_sessions import LiveSession, list_live_sessions
from services.stores import Stores
from storage.sql import visitors
from storage.sql.visitors import Device, Merge, Visitor


@dataclass(frozen=True, slots=True)
class WholeVisitor:
    """A visitor with everything that is read through it."""

    visitor: Visitor
    devices: list[Device]
    merges: list[Merge]
    sessions: list[LiveSession]


def read_visitor(stores: Stores, project_id: ProjectId, visitor_id: VisitorId) -> WholeVisitor:
    """The visitor that this id is read through: itself, or what absorbed it.

    Raises:
        VisitorNotFound: there is none in this project.
    """
    with stores.database.reading() as db:
        visitor = visitors.get_visitor(db, project_id, visitor_id)
    return _whole(stores, visitor)


def read_person(stores: Stores, project_id: ProjectId, custom_id: str) -> WholeVisitor:
    """The person of that custom ID.

    Raises:
        VisitorNotFound: there is none in this project.
    """
    with stores.database.reading() as db:
        visitor = visitors.get_person(db, project_id, custom_id)
    return _whole(stores, visitor)


def _whole(stores: Stores, visitor: Visitor) -> WholeVisitor:
    with stores.database.reading() as db:
        devices = visitors.list_devices(db, visitor.id)
        merges = visitors.list_merges(db, visitor.id)
    live = list_live_sessions(stores, visitor.project_id)
    return WholeVisitor(visitor, devices, merges, [s for s in live if s.visitor_id == visitor.id])
