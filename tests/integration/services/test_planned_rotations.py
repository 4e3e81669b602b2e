"""Planned rotations in SQL: the plan of `domain` as one commit."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from domain.events import EventKind
from domain.ids import ProjectId
from domain.rotation_dates import AtTime, OffHours
from domain.rotation_refusals import RotationPending
from domain.rotations import Rotation, RotationHow, RotationState
from domain.signing_secrets import SecretState
from services.receipts import revocation_of
from services.rotate_secret import Generated, SecretWish, generate
from services.transactions import Transactor
from storage.sql import projects, rotations, signing_secrets
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from storage.sql.outbox import list_events
from storage.sql.tables import rotations as rotations_table
from tests.integration.scenes import ADMINISTRATOR, SEALER, add_project, open_transactor, rotate

SOME_DAY = AtTime(datetime.now(UTC) + timedelta(days=90))


def plan(transactor: Transactor, project_id: ProjectId, **wish: object) -> Generated:
    """A new secret; the one before it is retiring."""
    wished = SecretWish(**{"when": SOME_DAY, **wish})  # type: ignore[arg-type]
    return transactor.run(
        lambda t: generate(t, SEALER, project_id, ADMINISTRATOR, wished), urgent=True
    )


def use(database: Database, key_id: str) -> None:
    """The key has verified a token."""
    database.write(
        lambda db: signing_secrets.note_verified(db, [key_id], SOME_DAY.moment)  # type: ignore[list-item]
    )


def states(database: Database, project_id: ProjectId) -> list[SecretState]:
    """The project's secrets, newest first."""
    with database.reading() as db:
        return [one.state for one in signing_secrets.list_secrets(db, project_id)]


def test_plan_is_one_commit(database: Database) -> None:
    """New secret active, old one retiring, rotation with its date; nothing is revoked or sent."""
    transactor, broker = open_transactor(database)
    project_id = add_project(transactor)
    first = rotate(transactor, project_id)

    planned = plan(transactor, project_id, reason="spring", pinned=True)

    with database.reading() as db:
        new, old = signing_secrets.list_secrets(db, project_id)
        [stored] = rotations.list_rotations(db, project_id, limit=9)
        assert projects.get_project(db, project_id).epoch == 1
        [*_, event] = list_events(db, project_id, limit=9)
        [entry, *_] = list_audit(db, project_id, limit=9)
    assert (new.key_id, new.state) == (planned.key_id, SecretState.ACTIVE)
    assert (old.key_id, old.state) == (first.key_id, SecretState.RETIRING)
    assert stored == planned.rotation
    assert (stored.how, stored.state) == (RotationHow.AT, RotationState.OVERLAPPING)
    assert (stored.due_at, stored.pinned) == (SOME_DAY.moment, True)
    assert (event.kind, event.payload["key_id"]) == (EventKind.SECRET_ROTATED, planned.key_id)
    assert entry.action == "rotation.planned"
    assert broker.sent == []


def test_window_is_stored(database: Database) -> None:
    """A rotation for off-hours comes back from SQL as it was planned."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    hours = {"weekly": {"mon": [["09:00", "17:00"]]}, "exceptions": []}
    database.write(
        lambda db: db.execute(sa.update(projects.projects).values(operating_hours=hours))
    )
    rotate(transactor, project_id)

    planned = plan(transactor, project_id, when=OffHours(90, SOME_DAY.moment)).rotation

    assert planned is not None
    assert planned.window_ends_at is not None
    assert (planned.stretch_minutes, planned.not_before) == (90, SOME_DAY.moment)
    with database.reading() as db:
        assert rotations.get_rotation(db, project_id, planned.id) == planned


def test_second_plan_is_refused_whole(database: Database) -> None:
    """While one is pending nothing is made without force."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    plan(transactor, project_id)

    with pytest.raises(RotationPending):
        plan(transactor, project_id)

    assert states(database, project_id) == [SecretState.ACTIVE, SecretState.RETIRING]


def test_forced_plan_replaces_an_unused_secret(database: Database) -> None:
    """A lost response is repaired: the old secret keeps retiring, nothing is sent."""
    transactor, broker = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    lost = plan(transactor, project_id)

    found = plan(transactor, project_id, force=True)

    assert states(database, project_id) == [
        SecretState.ACTIVE,
        SecretState.REVOKED,
        SecretState.RETIRING,
    ]
    newest, before = _rotations(database, project_id)
    assert (newest.id, newest.state) == (_id(found), RotationState.OVERLAPPING)
    assert (before.id, before.state) == (_id(lost), RotationState.SUPERSEDED)
    assert broker.sent == []


def test_forced_plan_cuts_the_older_one(database: Database) -> None:
    """Where the new secret is used, the retiring one ends now, and only that one is revoked."""
    transactor, broker = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    before = plan(transactor, project_id)
    use(database, before.key_id)

    plan(transactor, project_id, force=True)

    _, cut = _rotations(database, project_id)
    assert (cut.id, cut.state) == (_id(before), RotationState.CUTTING)
    with database.reading() as db:
        revocation = revocation_of(db, cut)
        assert projects.get_project(db, project_id).epoch == 2
    assert (revocation.since, revocation.epoch) == (1, 2)
    [(kind, payload)] = broker.sent
    assert kind is EventKind.SECRET_REVOKED
    assert payload["rotation_id"] == cut.id


def test_regenerate_ends_an_overlap(database: Database) -> None:
    """Both earlier secrets are revoked, and what was planned is superseded."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    pending = plan(transactor, project_id)

    regenerated = rotate(transactor, project_id).rotation

    assert regenerated is not None
    assert states(database, project_id) == [SecretState.ACTIVE] + [SecretState.REVOKED] * 2
    assert _rotations(database, project_id)[1].state is RotationState.SUPERSEDED
    assert _rotations(database, project_id)[1].id == _id(pending)
    with database.reading() as db:
        revocation = revocation_of(db, regenerated)
    assert (revocation.since, revocation.epoch) == (1, 3)


def test_one_pending_rotation_a_project(database: Database) -> None:
    """The database itself holds no second one."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    plan(transactor, project_id)
    row = sa.select(rotations_table).where(rotations_table.c.project_id == project_id)
    with database.reading() as db:
        [pending] = db.execute(row).mappings()

    with pytest.raises(IntegrityError):
        database.write(
            lambda db: db.execute(rotations_table.insert().values({**pending, "id": "another"}))
        )


def _id(generated: Generated) -> str:
    assert generated.rotation is not None
    return generated.rotation.id


def _rotations(database: Database, project_id: ProjectId) -> list[Rotation]:
    with database.reading() as db:
        return rotations.list_rotations(db, project_id, limit=9)


def test_few_secrets_are_looked_at_however_often_an_unused_one_is_replaced(
    database: Database,
) -> None:
    """The two that live, whatever their generations, and the latest of those that do not."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    rotate(transactor, project_id)
    for _ in range(signing_secrets.GENERATIONS_NAMED + 5):
        last = plan(transactor, project_id, force=True)

    with database.reading() as db:
        newest, *_ = secrets = signing_secrets.list_secrets(db, project_id)
        usable = signing_secrets.list_usable_secrets(db, [project_id], newest.created_at)

    assert newest.key_id == last.key_id
    assert {one.state for one in secrets[1:-1]} == {SecretState.REVOKED}
    named = secrets[: signing_secrets.GENERATIONS_NAMED]
    assert {one.key_id for one in usable} == {one.key_id for one in (*named, secrets[-1])}
