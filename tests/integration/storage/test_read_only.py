"""PostgreSQL behind an address that still leads to a server which is the primary no longer."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import StorageUnavailable
from storage.sql.engine import Database, open_database
from storage.sql.migrate import migrate


@pytest.fixture
def database(postgres_database: str) -> Iterator[Database]:
    """A database that can be written to, and a table in it."""
    opened = open_database(postgres_database)
    opened.write(lambda db: db.exec_driver_sql("CREATE TABLE words (word text)"))
    yield opened
    opened.close()


def test_a_primary_no_longer_is_unavailable_and_let_go_of(database: Database) -> None:
    """Whoever writes hears so once for all connections; the next ones lead to the new primary."""
    with database.reading() as db:
        kept = _server_process(db)
        database.write(_become_read_only)
    with pytest.raises(StorageUnavailable):
        database.write(_write)

    database.write(_write)

    with database.reading() as db:
        assert _server_process(db) != kept, "connections of before may lead astray just as well"


def test_nobody_connects_to_a_server_that_only_reads(database: Database) -> None:
    """Not even who reads: what a former primary says may be overtaken. Once it writes, all do."""
    name = database.writer.url.database
    database.write(
        lambda db: db.exec_driver_sql(
            f"ALTER DATABASE {name} SET default_transaction_read_only = on"
        )
    )
    address = database.writer.url.render_as_string(hide_password=False)
    astray = open_database(address)
    with pytest.raises(StorageUnavailable):
        astray.write(_write)
    with pytest.raises(StorageUnavailable), astray.reading() as db:
        db.execute(sa.text("SELECT 1"))
    with pytest.raises(StorageUnavailable):
        migrate(astray)

    database.write(
        lambda db: db.exec_driver_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    )

    astray.write(_write)
    astray.close()


def test_who_only_reads_here_cannot_write(database: Database) -> None:
    """That is a fault of ours and no server's: it is told as what it is."""
    with pytest.raises(sa.exc.InternalError), database.reading() as db:
        _write(db)


def _become_read_only(db: Connection) -> None:
    db.exec_driver_sql("SET SESSION default_transaction_read_only = on")


def _write(db: Connection) -> None:
    db.exec_driver_sql("INSERT INTO words VALUES ('hello')")


def _server_process(db: Connection) -> int:
    process: int = db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    return process
