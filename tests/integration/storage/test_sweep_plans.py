"""What is looked for every few seconds is found by an index, however much there has ever been."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import DeviceId, ProjectId
from storage.sql import members, old_devices, rotations, signing_secrets, tables
from storage.sql.engine import Database
from tests.integration.scenes import add_project, open_transactor

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOW = LONG_AGO + timedelta(days=300)
MANY = 2_000


def fill(db: Connection, project_id: ProjectId) -> None:
    """As many secrets were revoked and erased long ago, in rotations that were completed."""
    secrets = [_secret(number, project_id) for number in range(MANY)]
    db.execute(tables.signing_secrets.insert(), secrets)
    db.execute(tables.rotations.insert(), [_rotation(secret) for secret in secrets])
    db.execute(tables.members.insert(), [_member(number, project_id) for number in range(MANY)])
    db.exec_driver_sql("ANALYZE")


def _secret(number: int, project_id: ProjectId) -> dict[str, Any]:
    return {
        "key_id": f"secret-{number:04}",
        "project_id": project_id,
        "generation": number + 1,
        "state": "revoked",
        "last_four": "abcd",
        "created_at": LONG_AGO,
        "created_by": "test",
        "revoked_at": LONG_AGO,
    }


def _rotation(secret: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"rotation-{secret['key_id']}",
        "project_id": secret["project_id"],
        "new_key_id": secret["key_id"],
        "how": "now",
        "state": "completed",
        "requested_at": LONG_AGO,
        "requested_by": "test",
        "pinned": False,
        "forced": False,
        "effective_at": LONG_AGO,
        "completed_at": LONG_AGO,
    }


def _member(number: int, project_id: ProjectId) -> dict[str, Any]:
    return {
        "id": f"member-{number:04}",
        "project_id": project_id,
        "email": f"ada-{number}@example.com",
        "role": "agent",
        "password_hash": "none",
        "created_at": LONG_AGO,
    }


def looks() -> dict[str, Callable[[Connection], object]]:
    """By the index that each has to go by: what to settle, to erase, and whose address it is."""
    first = (LONG_AGO, DeviceId("one"))
    return {
        "ix_rotations_completed_at": lambda db: rotations.list_unsettled(db, NOW, limit=200),
        "ix_signing_secrets_revoked_at": lambda db: signing_secrets.erase_revoked_secrets(db, NOW),
        "ix_members_email": lambda db: members.list_members_with_email(db, "ada@example.com", 9),
        "ix_devices_ended_at": lambda db: old_devices.list_ended_devices(
            db, NOW, after=first, limit=200
        ),
        "ix_devices_open": lambda db: old_devices.list_open_devices(
            db, NOW, after=first, limit=200
        ),
    }


def test_what_is_new_is_found_by_its_index(database: Database) -> None:
    """Nothing old is read for it."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    database.write(lambda db: fill(db, project_id))

    for index, look in looks().items():
        assert index in database.write(lambda db, look=look: _plan(db, look))


def test_of_many_revoked_secrets_only_the_latest_are_read(database: Database) -> None:
    """A verification goes by generation, and finds the few that live by their states."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)
    database.write(lambda db: fill(db, project_id))

    plan = database.write(
        lambda db: _plan(db, lambda db: signing_secrets.list_usable_secrets(db, [project_id], NOW))
    )

    used = [line for line in plan.splitlines() if "Index Cond" in line or "SEARCH" in line]
    assert any("generation>" in line.replace(" ", "") for line in used)
    assert "uq_signing_secrets_one_active" in plan
    assert "uq_signing_secrets_one_retiring" in plan


def _plan(db: Connection, look: Callable[[Connection], object]) -> str:
    """How the database goes about the one statement that is executed."""
    executed: list[tuple[str, Any]] = []

    def note(_db: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        executed.append((text, parameters))

    sa.event.listen(db, "before_cursor_execute", note)
    look(db)
    sa.event.remove(db, "before_cursor_execute", note)
    [(text, parameters)] = executed
    word = "EXPLAIN QUERY PLAN" if db.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row) for row in db.exec_driver_sql(f"{word} {text}", parameters))
