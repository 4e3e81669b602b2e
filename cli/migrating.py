"""`widget-auth migrate`."""

import click
from sqlalchemy.exc import SQLAlchemyError

from cli.connections import explain_database, open_named_database
from cli.options import json_option
from cli.printing import print_json, say
from cli.settings_of_process import read_settings
from config.settings import MigrationSettings
from domain.errors import StorageUnavailable
from storage.sql.migrate import migrate as migrate_database


@click.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database to this version's tables. It may be repeated, and run at once anywhere."""
    database = open_named_database(read_settings(MigrationSettings).database_url)
    try:
        migrate_database(database)
    except (StorageUnavailable, SQLAlchemyError) as error:
        raise (explain_database(error) or error) from error
    finally:
        database.close()
    if as_json:
        print_json({"migrated": True})
    else:
        say("The database has this version's tables.")
