"""Transactions on SQLite and PostgreSQL."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from storage.sql import projects
from storage.sql.engine import Database, now_of, open_database
from storage.sql.migrate import is_migrated, migrate
from storage.sql.tables import metadata
from storage.sql.tables import projects as projects_table
from tests.integration.scenes import add_project, open_transactor
from tests.waiting import SECONDS, wait_until


def test_migrated_tables_are_the_declared_ones(database: Database) -> None:
    """A migrated database has every table and column that the code declares, and no other."""
    inspector = sa.inspect(database.writer)
    found = {
        table: {column["name"] for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }
    declared = {t.name: {c.name for c in t.columns} for t in metadata.sorted_tables}
    assert found == declared


def test_migrated_indexes_are_the_declared_ones(database: Database) -> None:
    """Nothing is looked up in a migrated database by reading it whole, if the code says so."""
    inspector = sa.inspect(database.writer)
    found = {
        index["name"]
        for table in metadata.sorted_tables
        for index in inspector.get_indexes(table.name)
        if "duplicates_constraint" not in index
    }
    assert found == {index.name for table in metadata.sorted_tables for index in table.indexes}


def test_migrating_twice_changes_nothing(database: Database) -> None:
    """A second migration is a no-op."""
    migrate(database)
    assert is_migrated(database)


def test_no_increment_is_lost(database: Database) -> None:
    """Read-modify-write under the project's lock loses nothing, whoever runs beside it."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor)

    def increment(db: Connection) -> None:
        before = projects.lock_project(db, project_id)
        db.execute(projects_table.update().values(revision=before.revision + 1))

    def write() -> bool:
        with suppress(StorageUnavailable):  # where others were at it for too long
            database.write(increment)
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: wait_until(write), range(64)))
    with database.reading() as db:
        assert projects.get_project(db, project_id).revision == 65


def test_a_failed_use_case_leaves_nothing(database: Database) -> None:
    """What raises is rolled back whole."""
    transactor, broker = open_transactor(database)

    def fail(db: Connection) -> None:
        add_project_row(db)
        raise ZeroDivisionError

    def add_project_row(db: Connection) -> None:
        db.execute(sa.text("DELETE FROM projects"))

    project_id = add_project(transactor)
    with pytest.raises(ZeroDivisionError):
        database.write(fail)
    with database.reading() as db:
        assert projects.find_project(db, project_id)
    assert broker.sent == []


def test_an_error_leaves_no_stale_snapshot(database: Database) -> None:
    """Whoever reads after an error, even one still held, sees what was committed since."""
    transactor, _ = open_transactor(database)
    add_project(transactor)
    add_project(transactor)

    def fail_midway(db: Connection) -> list[None]:
        return [_fail(row) for row in db.execute(sa.select(projects_table.c.id))]

    with pytest.raises(ZeroDivisionError) as kept, database.reading() as db:
        fail_midway(db)
    later = add_project(transactor)

    with database.reading() as db:
        assert projects.find_project(db, later)
    assert kept.tb, "the error was held until here"


def _fail(_row: object) -> None:
    raise ZeroDivisionError


def test_opposite_lock_orders_both_commit(database: Database) -> None:
    """A deadlock is broken by running one of the two again; SQLite's one writer knows none."""
    transactor, _ = open_transactor(database)
    first, second = add_project(transactor), add_project(transactor)
    meet = threading.Barrier(2)
    runs = []

    def lock_in(order: list[ProjectId]) -> None:
        def work(db: Connection) -> None:
            runs.append(order)
            projects.lock_project(db, order[0])
            if len(runs) <= 2 and not database.is_sqlite:
                meet.wait(SECONDS)
            projects.lock_project(db, order[1])

        database.write(work, lock_seconds=SECONDS)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lock_in, [[first, second], [second, first]]))
    assert len(runs) >= (2 if database.is_sqlite else 3)


def test_sqlite_reader_cannot_write(tmp_path: Path) -> None:
    """Reading connections refuse to write."""
    database = open_database(f"sqlite:///{tmp_path}/db.sqlite")
    migrate(database)
    with pytest.raises(StorageUnavailable) as error, database.reading() as db:
        db.execute(sa.text("DELETE FROM projects"))
    assert isinstance(error.value.__cause__, OperationalError)
    database.close()


def test_urgent_writer_is_not_starved(tmp_path: Path) -> None:
    """While batch writers keep SQLite busy, an urgent one still gets its turn."""
    database = open_database(f"sqlite:///{tmp_path}/db.sqlite")
    migrate(database)
    stop = threading.Event()

    def hold(db: Connection) -> None:
        db.execute(sa.text("DELETE FROM projects"))
        time.sleep(0.02)  # the transaction's own work, not a wait for something

    def batch_writer() -> None:
        while not stop.is_set():
            with suppress(StorageUnavailable):  # these may be
                database.write(hold)

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(batch_writer) for _ in range(3)]
        try:
            for _ in range(20):
                database.write(hold, urgent=True)
        finally:
            stop.set()
        for writer in writers:
            writer.result()
    database.close()


def test_a_database_that_is_away_is_unavailable() -> None:
    """No server on the port is `StorageUnavailable`, not a driver's error."""
    database = open_database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(StorageUnavailable):
        database.write(now_of)
    database.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://root@127.0.0.1/x"])
def test_other_databases_are_refused(url: str) -> None:
    """A database that processes cannot share is refused with a sentence."""
    with pytest.raises(ValueError, match=r"sqlite:///"):
        open_database(url)


def test_a_table_of_one_row_is_read_by_its_index(database: Database) -> None:
    """The plan is kept while the table grows, so it must be none that reads all of it."""
    if database.is_sqlite:
        pytest.skip("SQLite goes by an index wherever there is one")
    transactor, _ = open_transactor(database)
    add_project(transactor)

    def explain(db: Connection) -> str:
        db.exec_driver_sql("ANALYZE projects")
        plan = db.exec_driver_sql("EXPLAIN SELECT * FROM projects WHERE id = 'one'")
        return "\n".join(plan.scalars())

    assert "Index Scan" in database.write(explain)
