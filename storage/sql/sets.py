"""Fixed statements over sets: arrays on PostgreSQL, `json_each` and executemany on SQLite.

A batch costs the same number of statements whatever its size, and each statement's text never
changes, so that it is parsed and planned once.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.sql.types import UtcTime


class SetLookup:
    """Rows of one table whose key columns are in a set of tuples."""

    def __init__(self, table: sa.Table, keys: Sequence[str], where: str = "") -> None:
        self._keys = keys
        listed = ", ".join(f"{table.name}.{column.name}" for column in table.columns)
        on = " AND ".join(f"{table.name}.{key} = wanted.{key}" for key in keys)
        extra = f" AND {where}" if where else ""
        types = {column.name: column.type for column in table.columns}
        arrays = ", ".join(f"CAST(:{key} AS text[])" for key in keys)
        names = ", ".join(keys)
        members = ", ".join(f"json_extract(value, '$[{n}]') AS {k}" for n, k in enumerate(keys))
        # One look into the index for each that is wanted: a join would be planned once, perhaps
        # over a table that is still small, and read all of it for as long as the plan is kept.
        self._postgresql = sa.text(
            f"SELECT {listed} FROM unnest({arrays}) AS wanted({names}) CROSS JOIN LATERAL "  # noqa: S608 - our names
            f"(SELECT * FROM {table.name} WHERE {on}{extra} OFFSET 0) AS {table.name}"
        ).columns(**types)
        self._sqlite = sa.text(
            f"SELECT {listed} FROM (SELECT {members} FROM json_each(:wanted)) AS wanted "  # noqa: S608
            f"CROSS JOIN {table.name} ON {on}{extra}"
        ).columns(**types)

    def find(self, db: Connection, wanted: Iterable[tuple[str, ...]]) -> list[sa.RowMapping]:
        """The rows there are, in no order; one statement, none for an empty set."""
        unique = sorted(set(wanted))
        if not unique:
            return []
        if db.dialect.name == "sqlite":
            found = db.execute(self._sqlite, {"wanted": json.dumps(unique)})
        else:
            columns = zip(*unique, strict=True)
            values = dict(zip(self._keys, map(list, columns), strict=True))
            found = db.execute(self._postgresql, values)
        return list(found.mappings())


class SetUpsert:
    """Many rows of one table written at once.

    Args:
        columns: the columns given in every row.
        on_conflict: what follows `ON CONFLICT`; the same text holds for both databases.
    """

    def __init__(self, table: sa.Table, columns: Sequence[str], on_conflict: str) -> None:
        self._columns = columns
        self._json = [c for c in columns if isinstance(table.c[c].type, sa.JSON)]
        names = ", ".join(columns)
        into = f"INSERT INTO {table.name} ({names})"
        arrays = ", ".join(f"CAST(:{c} AS {_array_type(table.c[c].type)})" for c in columns)
        binds = ", ".join(f":{c}" for c in columns)
        self._postgresql = sa.text(
            f"{into} SELECT * FROM unnest({arrays}) ON CONFLICT {on_conflict}"  # noqa: S608
        )
        self._sqlite = sa.text(f"{into} VALUES ({binds}) ON CONFLICT {on_conflict}").bindparams(
            *(sa.bindparam(c, type_=_sqlite_type(table.c[c].type)) for c in columns)
        )

    def write(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """The rows are stored; none for an empty set."""
        if not rows:
            return
        if self._json:
            rows = [self._with_json_text(row) for row in rows]
        if db.dialect.name == "sqlite":
            db.execute(self._sqlite, [{c: row[c] for c in self._columns} for row in rows])
        else:
            db.execute(self._postgresql, {c: [row[c] for row in rows] for c in self._columns})

    def _with_json_text(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {c: row[c] for c in self._json}
        return {**row, **{c: v if v is None else json.dumps(v) for c, v in given.items()}}


def _array_type(column_type: sa.types.TypeEngine[Any]) -> str:
    if isinstance(column_type, UtcTime):
        return "timestamptz[]"
    if isinstance(column_type, sa.JSON):
        return "jsonb[]"
    return "integer[]" if isinstance(column_type, sa.Integer) else "text[]"


def _sqlite_type(column_type: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    return sa.Text() if isinstance(column_type, sa.JSON) else column_type
