"""The inspector answers what a sign-in would be answered now."""

from dashboard.pages.inspected import show_inspection
from domain.outcomes import RefusedRequest
from services.inspect_token import inspect_token
from services.key_rings import KeyRings
from services.stores import Stores
from services.verify_visitors import VisitorVerifier
from storage.redis.client import connect
from storage.sql import projects
from storage.sql.engine import Database, now_of
from tests.integration.scenes import (
    DEVICES,
    SEALER,
    add_project,
    mint,
    open_transactor,
    request,
    rotate,
)


def test_no_token_is_good_for_a_halted_project(database: Database, redis_url: str) -> None:
    """One check has failed, the project's own, and says what to do; once settled all is well."""
    transactor, _ = open_transactor(database)
    stores = Stores(transactor, connect(redis_url), SEALER)
    project_id = add_project(transactor)
    token = mint(rotate(transactor, project_id).secret, "ada")
    rings = KeyRings(SEALER)
    verifier = VisitorVerifier(transactor, rings, DEVICES)
    database.write(lambda db: projects.halt_project(db, project_id, 2, now_of(db)))

    found = inspect_token(stores, rings, project_id, token)

    [outcome] = verifier.verify([request(project_id, token)]).outcomes
    assert isinstance(outcome, RefusedRequest)
    assert (found.accepted, found.code) == (False, outcome.code)
    [check] = found.checks
    assert (check.name, check.passed) == ("project", False)
    shown = show_inspection(found, [])
    assert [(row.title, row.passed) for row in shown.checks] == [("Project", False)]
    assert shown.advice == check.message

    database.write(lambda db: projects.end_halt(db, project_id))
    found = inspect_token(stores, rings, project_id, token)
    assert found.accepted
    assert "project" not in [check.name for check in found.checks]
    assert len(show_inspection(found, []).checks) == len(found.checks)
    stores.redis.close()
