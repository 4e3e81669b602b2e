"""What the database does with a commit, as its own settings say."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_POSTGRESQL = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")
_SQLITE = ("journal_mode", "synchronous")


def read_durability(db: Connection) -> Mapping[str, str]:
    """The settings that decide whether a commit survives, by name; SQLite's are its pragmas'."""
    if db.dialect.name == "sqlite":
        return {name: str(db.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in _SQLITE}
    asked = sa.text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
    return {row.name: row.setting for row in db.execute(asked, {"names": list(_POSTGRESQL)})}
