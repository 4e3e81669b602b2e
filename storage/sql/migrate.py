"""Bringing a database to this version's tables."""

from functools import partial
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from storage.sql.engine import Database, wait_for_locks
from storage.sql.patience import LOCK_SECONDS, MIGRATION_SECONDS

_SCRIPTS = Path(__file__).parents[2] / "migrations"
MIGRATION_LOCK = 0x7769_6467  # one migration at a time on PostgreSQL; SQLite has one writer anyway


def migrate(database: Database, wait_seconds: float = MIGRATION_SECONDS) -> None:
    """The tables are those of this version; a second call changes nothing.

    All of it happens in one transaction, under a lock, so two machines may start at once.

    Args:
        database: of any earlier version, or empty.
        wait_seconds: how long another machine that is at it is waited for on PostgreSQL.

    Raises:
        ProjectBusy: that took longer, or somebody used a table for too long; nothing has changed.
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
        wait_for_locks(db, wait_seconds)
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        wait_for_locks(db, LOCK_SECONDS)
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
