"""The tests' own PostgreSQL: what other tests rest on."""

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.servers.postgres import PostgresServer


def _connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain)


def _execute(url: str, statement: str) -> None:
    with _connect(url) as connection:
        connection.execute(statement)


def _query(url: str, statement: str) -> object:
    with _connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


def test_a_test_gets_an_empty_database(postgres_database: str) -> None:
    """Nothing of another test is in it."""
    assert postgres_database.startswith("postgresql+psycopg://")
    assert _query(postgres_database, "SELECT count(*) FROM pg_stat_user_tables") == 0


def test_a_template_is_copied_with_what_is_in_it(postgres_server: PostgresServer) -> None:
    """So that migrations run once, and tests start from a copy."""
    template = postgres_server.create_database()
    _execute(template, "CREATE TABLE kept (id int)")

    copy = postgres_server.create_database(template)

    assert _query(copy, "SELECT count(*) FROM kept") == 0
    for url in (copy, template):
        postgres_server.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        _query(copy, "SELECT 1")
