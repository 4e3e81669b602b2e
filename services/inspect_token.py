"""The inspector: what verification would answer to a token, check by check."""

from datetime import datetime

from sqlalchemy.engine import Connection

from domain.ids import ProjectId
from domain.tokens.verification import (
    Examination,
    examine,
    examine_halted,
    with_sign_outs,
)
from services.key_rings import KeyRings
from services.stores import Stores
from storage.sql import projects, visitors
from storage.sql.engine import now_of


def inspect_token(
    stores: Stores, key_rings: KeyRings, project_id: ProjectId, token: str
) -> Examination:
    """Every check, passed or failed and why. Nothing is stored, noted or logged.

    Raises:
        ProjectNotFound: there is no such project.
    """
    with stores.database.reading() as db:
        project = projects.get_project(db, project_id)
        if project.is_halted:
            return examine_halted()
        now = now_of(db)
        rings = key_rings.load(db, [project_id], now)
        examined = examine(token, rings.by_project[project_id], project.token_policy, now)
        return with_sign_outs(examined, _signed_out_at(db, project_id, examined.custom_id))


def _signed_out_at(db: Connection, project_id: ProjectId, custom_id: str | None) -> datetime | None:
    """When the person of that custom ID was last signed out everywhere, if there is one."""
    if custom_id is None:
        return None
    found = visitors.list_visitors(db, project_id, limit=1, custom_id=custom_id)
    return found[0].not_before if found else None
