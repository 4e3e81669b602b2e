"""Live sessions as Redis has them, with the keys that vouch for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

from domain.ids import KeyId, NodeId, ProjectId, SessionId, VisitorId, time_of_uuid7
from services.stores import Stores
from storage.redis import sessions
from storage.sql import projects, signing_secrets

PAGES_KEPT = 8


@dataclass(frozen=True, slots=True)
class LiveSession:
    """One connected widget; without a key it is anonymous."""

    id: SessionId
    visitor_id: VisitorId
    key_id: KeyId | None
    node_id: NodeId
    connected_at: datetime


def list_live_sessions(stores: Stores, project_id: ProjectId) -> Iterator[LiveSession]:
    """The project's sessions in no order; one that moves meanwhile may come twice or not at all.

    Raises:
        ProjectNotFound: there is no such project.
        StorageUnavailable: a store does not answer.
    """
    key_ids = _key_ids(stores, project_id)
    for stored in sessions.list_sessions(stores.redis, project_id):
        yield LiveSession(
            id=stored.session_id,
            visitor_id=stored.visitor_id,
            key_id=key_ids.get(stored.generation) if stored.generation is not None else None,
            node_id=stored.node_id,
            connected_at=time_of_uuid7(stored.session_id),
        )


def list_newest_sessions(
    stores: Stores, project_id: ProjectId, *, limit: int, before: str | None = None
) -> list[LiveSession]:
    """Up to `limit` live sessions, latest connected first, of those older than the given id.

    Every call reads all of the project's sessions, but keeps no more than a few pages of them.

    Raises:
        ProjectNotFound: there is no such project.
        StorageUnavailable: a store does not answer.
    """
    newest: dict[SessionId, LiveSession] = {}  # by id: one that moves meanwhile counts once
    for session in list_live_sessions(stores, project_id):
        if before is None or session.id < before:
            newest[session.id] = session
        if len(newest) > limit * PAGES_KEPT:
            newest = _newest(newest, limit)
    return list(_newest(newest, limit).values())


def _newest(sessions: dict[SessionId, LiveSession], limit: int) -> dict[SessionId, LiveSession]:
    return {id_: sessions[id_] for id_ in nlargest(limit, sessions)}


def count_by_key(stores: Stores, project_id: ProjectId) -> dict[KeyId | None, int]:
    """How many live sessions each key vouches for; None counts the anonymous ones.

    This is what revoking a key would cut.

    Raises:
        ProjectNotFound: there is no such project.
        StorageUnavailable: a store does not answer.
    """
    key_ids = _key_ids(stores, project_id)
    counts: dict[KeyId | None, int] = {None: 0}
    for generation, count in sessions.count_by_generation(stores.redis, project_id).items():
        key_id = None if generation is None else key_ids.get(generation)
        counts[key_id] = counts.get(key_id, 0) + count
    return counts


def _key_ids(stores: Stores, project_id: ProjectId) -> dict[int, KeyId]:
    with stores.database.reading() as db:
        projects.get_project(db, project_id)
        secrets = signing_secrets.list_secrets(db, project_id)
    return {secret.generation: secret.key_id for secret in secrets}
