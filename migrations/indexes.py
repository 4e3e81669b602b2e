"""Indexes that are built while the table is in use."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

from storage.sql.patience import LOCK_SECONDS, MIGRATION_SECONDS


def build_index(
    name: str, table: str, columns: Sequence[str], where: sa.TextClause | None = None
) -> None:
    """The index is there; on PostgreSQL nobody waited for it, however large the table is.

    What an attempt has left that was broken off is removed before: PostgreSQL keeps it, as an index
    that nothing goes by. The step of the migration before this has committed.
    """
    with _meanwhile():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name,
            table,
            columns,
            postgresql_where=where,
            sqlite_where=where,
            postgresql_concurrently=True,
        )


@contextmanager
def _meanwhile() -> Iterator[None]:
    """Outside of a transaction on PostgreSQL, waiting for those that have begun before.

    They are waited for as long as it takes: unlike one who waits for a table, this keeps nobody.
    """
    if op.get_bind().dialect.name != "postgresql":
        yield
        return
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{MIGRATION_SECONDS:.0f}s'")
        yield
        op.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
