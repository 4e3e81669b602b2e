"""PostgreSQL behind a peer that acknowledges every byte and answers none."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from domain.errors import StorageUnavailable
from storage.sql.engine import Database, open_database
from storage.sql.patience import ANSWER_SECONDS, CONNECT_SECONDS, PING_SECONDS
from tests.chaos.proxy import Link, Proxy, Rule

MARGIN_SECONDS = 20.0
"""Of a machine that may stand still; whoever waited for good would wait beyond it."""


@pytest.fixture
def link(postgres_database: str) -> Iterator[Link]:
    """A way to PostgreSQL that can be silenced."""
    with Proxy() as proxy:
        yield proxy.link("postgres", make_url(postgres_database).port or 0)


@pytest.fixture
def proxied(postgres_database: str, link: Link) -> Iterator[Database]:
    """The database, reached through the link."""
    url = make_url(postgres_database).set(port=link.port)
    database = open_database(url.render_as_string(hide_password=False))
    yield database
    database.close()


def test_nobody_waits_for_a_silent_peer_for_good(proxied: Database, link: Link) -> None:
    """Whoever waits for an answer, or for a connection, hears in time that there is none.

    Keepalives notice nothing here: every byte is acknowledged. Once the peer speaks again so does
    the database, and no answer of before is taken for one of now.
    """
    in_transaction, silenced = threading.Event(), threading.Event()

    def ask_within(db: Connection) -> None:
        db.execute(sa.text("SELECT 1"))
        in_transaction.set()
        silenced.wait(MARGIN_SECONDS)
        db.execute(sa.text("SELECT 2"))

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(_is_unavailable, lambda: proxied.write(ask_within))
        assert in_transaction.wait(MARGIN_SECONDS)
        _read(proxied)  # leaves a connection in the pool
        link.obey(Rule(hole=True))
        silenced.set()
        try:
            asking = pool.submit(_is_unavailable, lambda: _read(proxied))
            assert asking.result(PING_SECONDS + CONNECT_SECONDS + MARGIN_SECONDS)
            assert waiting.result(ANSWER_SECONDS + MARGIN_SECONDS)
        finally:
            link.lift()
    assert _read(proxied) == 3


def _read(database: Database) -> int:
    with database.reading() as db:
        number: int = db.scalar(sa.text("SELECT 3"))
        return number


def _is_unavailable(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except StorageUnavailable:
        return True
    return False
