"""Closing the sessions of a person who was signed out everywhere, or split from another record."""

import structlog

from domain.ids import VisitorId
from gateway.closes import Close
from gateway.project_rooms import ProjectRoom
from storage.redis.persons import MERGE_UNDONE, EndedSessions

log = structlog.get_logger(__name__)


def close_for(reason: str | None) -> Close:
    """What the widget is told; whatever the reason, its person did not end the session here."""
    return Close.MERGE_UNDONE if reason == MERGE_UNDONE else Close.SIGNED_OUT_BY_OPERATOR


def end_person(room: ProjectRoom, visitor_id: VisitorId, ended: EndedSessions) -> int:
    """Every session that the person had before is being closed; returns how many were now.

    Those whose bind is under way are met when it is over.
    """
    room.note_ended(visitor_id, ended)
    behind = [
        session
        for session in room.threads.readers(visitor_id, is_person=True)
        if session.person_epoch < ended.epoch
    ]
    for session in behind:
        session.end(close_for(ended.reason))
    if behind:
        log.info(
            "person_sessions_closed",
            project_id=room.project_id,
            visitor_id=visitor_id,
            closed=len(behind),
        )
    return len(behind)
