"""Run by Alembic: each migration is a transaction of its own, over the connection it is handed.

Where that is in a transaction already, as it is on SQLite, all of them are part of that one.
"""

from alembic import context

from storage.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
    transaction_per_migration=True,
)
context.run_migrations()
