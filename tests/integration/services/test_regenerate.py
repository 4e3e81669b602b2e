"""Generating and regenerating a project's secret."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from domain.events import EventKind
from domain.ids import KeyId
from domain.rotation_refusals import ChangedMeanwhile
from domain.rotations import RotationState
from domain.signing_secrets import SecretState
from services.rotate_secret import regenerate
from storage.sql import projects, rotations, signing_secrets
from storage.sql.engine import Database
from storage.sql.projects import ProjectNotFound
from tests.integration.scenes import ADMINISTRATOR, SEALER, add_project, open_transactor, rotate


def test_first_secret_revokes_nothing(database: Database) -> None:
    """A project's first secret has no rotation and nothing to send."""
    transactor, broker = open_transactor(database)
    project_id = add_project(transactor)

    generated = rotate(transactor, project_id)

    assert generated.rotation is None
    assert broker.sent == []
    assert len(generated.secret) == 64
    with database.reading() as db:
        assert projects.get_project(db, project_id).epoch == 1


def test_regenerate_is_one_commit(database: Database) -> None:
    """The new secret is active, the old revoked, the epoch raised, event and rotation written."""
    transactor, broker = open_transactor(database)
    project_id = add_project(transactor)
    first = rotate(transactor, project_id)

    second = rotate(transactor, project_id)

    assert second.rotation is not None
    with database.reading() as db:
        new, old = signing_secrets.list_secrets(db, project_id)
        rotation = rotations.get_rotation(db, project_id, second.rotation.id)
        assert projects.get_project(db, project_id).epoch == new.generation == 2
    assert (new.key_id, new.state) == (second.key_id, SecretState.ACTIVE)
    assert (old.key_id, old.state) == (first.key_id, SecretState.REVOKED)
    assert old.revoked_at == rotation.effective_at
    assert (rotation.state, rotation.old_key_id) == (RotationState.CUTTING, first.key_id)
    [(kind, payload)] = broker.sent
    assert kind is EventKind.SECRET_REVOKED
    assert set(payload) == {"event_id", "project_id", "rotation_id"}


def test_secret_is_nowhere_in_the_database(database: Database) -> None:
    """No column of any table holds the secret in clear, nor does a repr."""
    transactor, _ = open_transactor(database)
    generated = rotate(transactor, add_project(transactor))

    rows = []
    with database.reading() as db:
        for table in sa.inspect(database.writer).get_table_names():
            rows += db.execute(sa.text(f"SELECT * FROM {table}")).all()  # noqa: S608

    assert rows
    assert generated.secret not in repr(rows)
    assert generated.secret not in repr(generated)


def test_expected_key_guards_against_a_second_press(database: Database) -> None:
    """Whoever saw another active key is told to look again; nothing changes."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    seen = rotate(transactor, project_id).key_id

    def press(_: int) -> bool:
        try:
            transactor.run(
                lambda t: regenerate(
                    t, SEALER, project_id, ADMINISTRATOR, expect_active_key_id=KeyId(seen)
                ),
                urgent=True,
            )
        except ChangedMeanwhile:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(press, range(4))) == [False, False, False, True]


def test_concurrent_regenerates_leave_one_active_secret(database: Database) -> None:
    """However many press at once, generations are consecutive and one secret is active."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: rotate(transactor, project_id), range(12)))

    with database.reading() as db:
        secrets = signing_secrets.list_secrets(db, project_id)
    assert [s.generation for s in secrets] == list(range(12, 0, -1))
    assert [s.state for s in secrets] == [SecretState.ACTIVE] + [SecretState.REVOKED] * 11


def test_unknown_project_is_refused(database: Database) -> None:
    """There is nothing to rotate in a project that does not exist."""
    transactor, _ = open_transactor(database)
    with pytest.raises(ProjectNotFound):
        rotate(transactor, "01900000-0000-7000-8000-000000000000")


def test_regenerate_succeeds_while_the_broker_is_down(database: Database) -> None:
    """The event waits in the outbox; the caller gets the secret all the same."""
    transactor, broker = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    broker.is_down = True

    assert rotate(transactor, project_id).rotation is not None
    assert broker.sent == []
