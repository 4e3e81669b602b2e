"""Bringing a database to this version's tables."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from storage.sql.engine import Database

_SCRIPTS = Path(__file__).parents[2] / "migrations"
_LOCK = 0x7769_6467  # one migration at a time on PostgreSQL; SQLite has one writer anyway


def migrate(database: Database) -> None:
    """The tables are those of this version; a second call changes nothing.

    All of it happens in one transaction, under a lock, so two machines may start at once.
    """
    database.write(_upgrade, urgent=True)


def is_migrated(database: Database) -> bool:
    """Whether the tables are those of this version."""
    with database.reading() as db:
        return MigrationContext.configure(db).get_current_revision() == _newest()


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _upgrade(db: Connection) -> None:
    if db.dialect.name == "postgresql":
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
