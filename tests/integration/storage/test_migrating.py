"""Migrating PostgreSQL takes the time that it takes, and one machine waits for another."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from cli.connections import explain_database
from domain.errors import ProjectBusy
from storage.sql.engine import Database
from storage.sql.migrate import MIGRATION_LOCK, is_migrated, migrate
from storage.sql.patience import LOCK_SECONDS, MIGRATION_SECONDS, PatientConnection

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

_HOLD = sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK))
_WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
_SETTINGS = ("statement_timeout", "idle_in_transaction_session_timeout")


def test_a_change_of_tables_may_take_any_time(database: Database) -> None:
    """Neither the server ends its statements, nor the client its wait; all else stays bounded."""

    def bounds(db: Connection) -> tuple[list[str | None], bool]:
        shown = [db.scalar(sa.text(f"SHOW {name}")) for name in _SETTINGS]
        return shown, isinstance(db.connection.driver_connection, PatientConnection)

    assert database.change_tables(bounds) == (["0", "0"], False)
    assert database.write(bounds) == (["8s", "15s"], True)


def test_a_second_machine_waits_for_the_first(database: Database) -> None:
    """For minutes, if need be; then it finds everything done."""
    bounds: list[str] = []
    with ThreadPoolExecutor(1) as pool, _noting(bounds):
        with database.writer.begin() as first:
            first.execute(_HOLD)
            second = pool.submit(migrate, database)
            until_waiting(database)
            assert not second.done()
            assert bounds == [f"{MIGRATION_SECONDS * 1000:.0f}ms"]
        second.result(10)
    assert MIGRATION_SECONDS >= 300
    assert bounds[1:] == [f"{LOCK_SECONDS * 1000}ms"], "tables are not waited for as long"
    assert is_migrated(database)


@contextmanager
def _noting(bounds: list[str]) -> Iterator[None]:
    """Every change of how long locks are waited for, in the order of their statements."""

    def note(_db: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        if "lock_timeout" in text:
            bounds.append(parameters["milliseconds"])

    sa.event.listen(Engine, "before_cursor_execute", note)
    yield
    sa.event.remove(Engine, "before_cursor_execute", note)


def until_waiting(database: Database) -> None:
    """Somebody waits for the lock."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with database.reading() as db:
            if db.scalar(_WAITING):
                return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_it_is_not_waited_for_without_end(database: Database) -> None:
    """A machine that stopped in the middle is told of instead."""
    with database.writer.begin() as first:
        first.execute(_HOLD)
        with pytest.raises(ProjectBusy) as busy:
            migrate(database, wait_seconds=0.05)
    assert explain_database(busy.value) is busy.value, "the database is there"
