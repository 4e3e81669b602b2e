"""One visitor whole, as agents see them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.pages.faces import Face, Faces
from dashboard.pages.inbox_shown import MessageShown, show_message
from domain.ids import VisitorId
from domain.json_values import Json
from services.read_visitors import WholeVisitor

LATEST_MESSAGES = 5
MOST_SESSIONS = 50
_LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A connected widget; `key` is the secret that vouches for it, if any does."""

    since: datetime
    key: str | None
    node: str


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A browser; `id` is empty for those who may not speak as it."""

    id: str
    since: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class MergeRow:
    """A record that this visitor absorbed."""

    id: str
    absorbed_id: VisitorId
    at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class VisitorShown:
    """The page's facts. `attributes` are signed, `declared` is what anybody may say."""

    face: Face
    attributes: list[tuple[str, str]]
    declared: list[tuple[str, str]]
    created_at: datetime
    sessions: list[SessionRow]
    session_count: int
    devices: list[DeviceRow]
    more_devices: bool
    merges: list[MergeRow]
    more_merges: bool
    messages: list[MessageShown]


def show_visitor(whole: WholeVisitor, faces: Faces, *, identifies_devices: bool) -> VisitorShown:
    """The visitor for those who may know their devices' ids, or may not."""
    visitor = whole.visitor
    latest_first = sorted(whole.sessions, key=lambda each: each.id, reverse=True)
    secrets = faces.marks.secrets
    return VisitorShown(
        face=faces.of(visitor),
        attributes=list(_lines(visitor.attributes)),
        declared=list(_lines(visitor.declared)),
        created_at=visitor.created_at,
        sessions=[
            SessionRow(
                each.connected_at,
                faces.key(secrets[each.key_id]) if each.key_id else None,
                each.node_id,
            )
            for each in latest_first[:MOST_SESSIONS]
        ],
        session_count=len(latest_first),
        devices=[
            DeviceRow(each.id if identifies_devices else "", each.created_at, each.ended_at)
            for each in whole.belongings.devices
        ],
        more_devices=whole.belongings.more_devices,
        merges=[
            MergeRow(each.id, each.absorbed_id, each.merged_at, each.undone_at)
            for each in whole.belongings.merges
        ],
        more_merges=whole.belongings.more_merges,
        messages=[show_message(each) for each in reversed(whole.messages[:LATEST_MESSAGES])],
    )


def _lines(told: Mapping[str, Json] | None) -> Iterator[tuple[str, str]]:
    for name, value in (told or {}).items():
        yield name, str(value)[:_LONGEST_VALUE]
