"""A migrated database for one test: SQLite and PostgreSQL in turn."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.sql.engine import Database, open_database
from storage.sql.migrate import migrate
from tests.published.witness import WITNESS
from tests.servers.postgres import PostgresServer

KINDS = ("sqlite", "postgresql")
USUAL_KINDS = KINDS if os.environ.get("WIDGET_AUTH_LONG_TESTS") else KINDS[:1]
"""For whole systems that are asked about something else than their database."""


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The URL of a migrated database to copy."""
    url = postgres_server.create_database()
    _migrate(url)
    return url


def _migrate(url: str) -> None:
    database = open_database(url)
    migrate(database)
    database.close()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database of one test; the test runs once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "test.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database(request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of one test, opened."""
    opened = open_database(database_url)
    yield opened
    WITNESS.written(opened)
    opened.close()
