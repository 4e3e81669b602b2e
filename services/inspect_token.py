"""The inspector: what verification would answer to a token, check by check."""

from domain.ids import ProjectId
from domain.tokens.verification import Examination, examine
from services.key_rings import KeyRings
from services.stores import Stores
from storage.sql import projects
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
        now = now_of(db)
        rings = key_rings.load(db, [project_id], now)
    return examine(token, rings.by_project[project_id], project.token_policy, now)
