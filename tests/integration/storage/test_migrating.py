"""Migrating PostgreSQL takes its time and keeps nobody, and one machine waits for another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg.errors import DeadlockDetected
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

import migrations
from cli.connections import explain_database
from domain.errors import ProjectBusy
from storage.sql.engine import Database
from storage.sql.migrate import MIGRATION_LOCK, is_migrated, migrate
from storage.sql.patience import MIGRATION_SECONDS, PatientConnection
from tests.waiting import SECONDS, wait_until

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

_HOLD = sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK))
_FOR_LONG = sa.text("SET LOCAL idle_in_transaction_session_timeout = 0")
_SETTINGS = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")
_BUILDING = sa.text(
    "SELECT count(*) FROM pg_stat_progress_create_index"
    " WHERE datname = current_database() AND phase LIKE 'waiting%'"
)
_BUILD = "CREATE INDEX CONCURRENTLY ix_devices_ended_at ON devices (ended_at, id)"
_INVALID = sa.text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
_USE_DEVICES = sa.text("UPDATE devices SET ended_at = ended_at")
_USE_ROTATIONS = sa.text("UPDATE rotations SET state = state")


def test_a_change_of_tables_may_take_any_time(database: Database) -> None:
    """Neither the server ends its statements, nor the client its wait; all else stays bounded."""

    def bounds(db: Connection) -> tuple[list[str | None], bool]:
        shown = [db.scalar(sa.text(f"SHOW {name}")) for name in _SETTINGS]
        return shown, isinstance(db.connection.driver_connection, PatientConnection)

    assert database.change_tables(bounds) == (["0", "0", "5s"], False)
    assert database.write(bounds) == (["8s", "15s", "5s"], True)


def test_a_second_machine_waits_for_the_first(database: Database) -> None:
    """For minutes, if need be; then it finds everything done."""
    with ThreadPoolExecutor(1) as pool, asking() as asked:
        with database.writer.begin() as first:
            first.execute(_FOR_LONG)
            first.execute(_HOLD)
            second = pool.submit(migrate, database)
            wait_until(lambda: len(asked) >= 2, "the second machine's second question")
            assert not second.done()
        second.result(SECONDS)
    assert MIGRATION_SECONDS >= 300
    assert is_migrated(database)


@contextmanager
def asking() -> Iterator[list[str]]:
    """Every time that some machine has asked whether it is its turn."""
    asked: list[str] = []

    def note(_db: object, _cursor: object, text: str, *_: object) -> None:
        if "pg_try_advisory_lock" in text:
            asked.append(text)

    sa.event.listen(Engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(Engine, "before_cursor_execute", note)


def count(database: Database, query: sa.TextClause) -> int:
    """How many there are."""
    with database.reading() as db:
        return int(db.scalar(query))


def test_it_is_not_waited_for_without_end(database: Database) -> None:
    """A machine that stopped in the middle is told of instead."""
    with database.writer.begin() as first:
        first.execute(_HOLD)
        with pytest.raises(ProjectBusy) as busy:
            migrate(database, wait_seconds=0.05)
    assert explain_database(busy.value) is busy.value, "the database is there"


def take_back(database: Database, revision: str) -> None:
    """The tables are those of an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    def work(db: Connection) -> None:
        config.attributes["connection"] = db
        command.downgrade(config, revision)

    database.change_tables(work)


@contextmanager
def building(database: Database) -> Iterator[None]:
    """An index of devices is being built: its machine waits for somebody who uses the table."""
    with ThreadPoolExecutor(1) as pool:
        with database.writer.begin() as user:
            user.execute(_FOR_LONG)
            user.execute(_USE_DEVICES)
            migrating = pool.submit(migrate, database)
            wait_until(lambda: count(database, _BUILDING) > 0, "an index that waits")
            yield
        migrating.result(SECONDS)


def test_nobody_waits_for_an_index(database: Database) -> None:
    """Neither for the table itself nor for what an earlier migration has changed."""
    take_back(database, "0008")

    with building(database), database.writer.begin() as db:
        db.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        db.execute(_USE_ROTATIONS)
        db.execute(_USE_DEVICES)

    assert is_migrated(database)


def test_a_machine_that_waits_is_not_waited_for(database: Database) -> None:
    """An index that is built waits for whoever has begun before it, and that may be the second."""
    take_back(database, "0009")

    with ThreadPoolExecutor(1) as pool, asking() as asked:
        with building(database):
            second = pool.submit(migrate, database)
            wait_until(lambda: len(asked) >= 3, "the second machine's second question")
        second.result(SECONDS)

    assert is_migrated(database)


def test_an_index_that_was_broken_off_is_built_anew(database: Database) -> None:
    """PostgreSQL keeps what there was of it, and goes by it never."""
    take_back(database, "0009")
    with database.writer.begin() as user, database.writer.connect() as db:
        user.execute(_USE_DEVICES)
        builder = db.execution_options(isolation_level="AUTOCOMMIT")
        builder.exec_driver_sql("SET lock_timeout = '50ms'")
        with pytest.raises(OperationalError):
            builder.exec_driver_sql(_BUILD)
    assert count(database, _INVALID) == 1

    migrate(database)

    assert count(database, _INVALID) == 0


def test_a_deadlock_is_tried_again(database: Database) -> None:
    """As where rows are written."""
    tries: list[int] = []

    def fail_at_first(_db: Connection) -> int:
        tries.append(len(tries))
        if len(tries) < 3:
            raise OperationalError("ALTER TABLE", {}, DeadlockDetected())
        return len(tries)

    assert database.change_tables(fail_at_first) == 3
