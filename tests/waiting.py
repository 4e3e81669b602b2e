"""Waiting for something to come about: asked again and again up to a deadline that fails the test.

The deadlines are far beyond what anything takes, so that a slow machine fails nothing.
"""

import asyncio
import time
from collections.abc import Callable

import sqlalchemy as sa

from storage.sql.engine import Database

SECONDS = 30.0
PAUSE_SECONDS = 0.01

_WAITING_FOR_LOCKS = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def wait_until(
    is_so: Callable[[], object], what: str = "what is waited for", seconds: float = SECONDS
) -> None:
    """It is so.

    Raises:
        AssertionError: it was not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} has not come about in {seconds:g} s"
        time.sleep(PAUSE_SECONDS)


async def until(
    is_so: Callable[[], object], what: str = "what is waited for", seconds: float = SECONDS
) -> None:
    """It is so; the loop goes on meanwhile.

    Raises:
        AssertionError: it was not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} has not come about in {seconds:g} s"
        await asyncio.sleep(PAUSE_SECONDS)


def somebody_waits_for_a_lock(database: Database) -> bool:
    """Whether somebody in this PostgreSQL database, others of the server aside, waits for one."""
    with database.reading() as db:
        return bool(db.scalar(_WAITING_FOR_LOCKS))
