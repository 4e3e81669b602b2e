"""Bringing a database to this version's tables."""

import time
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from domain.errors import ProjectBusy
from storage.sql.engine import Database
from storage.sql.patience import MIGRATION_SECONDS

_SCRIPTS = Path(__file__).parents[2] / "migrations"
MIGRATION_LOCK = 0x7769_6467  # one migration at a time on PostgreSQL; SQLite has one writer anyway
_POLL_SECONDS = 0.2


def migrate(database: Database, wait_seconds: float = MIGRATION_SECONDS) -> None:
    """The tables are those of this version; a second call changes nothing.

    Every migration commits by itself, so none keeps what it locks while the next one is at work;
    on SQLite all of them are one transaction. Two machines may start at once.

    Args:
        database: of any earlier version, or empty.
        wait_seconds: how long another machine that is at it is waited for on PostgreSQL.

    Raises:
        ProjectBusy: that took longer, or somebody used a table for too long. Migrations before
            that one stay; the next call goes on with it.
        StorageUnavailable: the database does not answer.
    """
    database.change_tables(partial(_upgrade, wait_seconds=wait_seconds))


def is_migrated(database: Database) -> bool:
    """Whether the tables are those of this version."""
    with database.reading() as db:
        return MigrationContext.configure(db).get_current_revision() == _newest()


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _upgrade(db: Connection, *, wait_seconds: float) -> None:
    if db.dialect.name == "postgresql":
        _wait_for_turn(db, wait_seconds)
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def _wait_for_turn(db: Connection, seconds: float) -> None:
    """The lock is this connection's until it is closed.

    Asked for again and again: whoever waited for it in a statement would himself be waited for by
    the machine that has it and builds an index beside everybody's transactions.
    """
    deadline = time.monotonic() + seconds
    while not db.scalar(sa.select(sa.func.pg_try_advisory_lock(MIGRATION_LOCK))):
        db.commit()
        if time.monotonic() > deadline:
            raise ProjectBusy
        time.sleep(_POLL_SECONDS)
    db.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
