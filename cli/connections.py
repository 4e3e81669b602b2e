"""The system as a command reaches it: the stores, and who asks."""

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cli.event_sender import EventSender
from cli.failures import WrongUse
from cli.settings_of_process import read_settings
from cli.stopping import StopSignals, ToldTransactor
from config.logs import configure_logs
from config.settings import CliSettings
from domain.errors import ProjectBusy, StorageUnavailable
from domain.roles import Actor
from domain.sealing import SecretSealer
from services.key_rings import KeyRings
from services.stores import Stores
from storage.redis.client import connect
from storage.sql.engine import Database, open_database

_TABLES_MISSING = ("42P01", "42703", "3F000")  # PostgreSQL: undefined table, column, schema

_DATABASE_FORM = (
    "WIDGET_AUTH_DATABASE_URL: its form is wrong:"
    " give sqlite:////path/to/file or postgresql://user@host/name"
)
_REDIS_FORM = "WIDGET_AUTH_REDIS_URL: its form is wrong: give redis://host:6379/0"
_NOT_MIGRATED = "The database has not this version's tables. Run `widget-auth migrate` first."
_NO_DATABASE = (
    "The database does not answer, or does not let us in."
    " Check WIDGET_AUTH_DATABASE_URL, and that the server runs; then try again."
)
_NO_REDIS = (
    "Redis does not answer. Check WIDGET_AUTH_REDIS_URL, and that the server runs; then try again."
)


@dataclass
class Connected:
    """Everything a command may touch; nothing is opened before it is used."""

    settings: CliSettings
    stores: Stores
    events: EventSender
    actor: Actor
    stop_signals: StopSignals

    @cached_property
    def key_rings(self) -> KeyRings:
        """Loads the secrets that tokens are checked with."""
        return KeyRings(self.stores.sealer)


@contextmanager
def connected() -> Iterator[Connected]:
    """The system named by the settings, for one command.

    Raises:
        WrongUse: the settings are not usable.
        StorageUnavailable: a store does not answer; the message says which one and what to do.
    """
    settings = read_settings(CliSettings)
    # What goes wrong is told by the command itself, in one line; only errors say more.
    configure_logs("console", "debug" if settings.log_level == "debug" else "error")
    events = EventSender(settings.broker_url)
    stop_signals = StopSignals()
    stores = _open_stores(settings, events, stop_signals)
    try:
        yield Connected(settings, stores, events, os_actor(), stop_signals)
    except (StorageUnavailable, SQLAlchemyError) as error:
        raise _explained(error) from error
    finally:
        stores.close()
        events.close()


def os_actor() -> Actor:
    """Who runs this process, as the audit log names them."""
    user_id = os.getuid()
    try:
        user = pwd.getpwuid(user_id).pw_name
    except KeyError:
        user = str(user_id)
    return Actor(f"cli:{user}", socket.gethostname())


def open_named_database(url: str) -> Database:
    """The database that the settings name.

    Raises:
        WrongUse: the URL cannot be one.
    """
    try:
        return open_database(url)
    except (ValueError, SQLAlchemyError):
        raise WrongUse("settings_invalid", _DATABASE_FORM) from None  # they may quote a password


def explain_database(error: Exception) -> StorageUnavailable | None:
    """The same error with what to do about it; None if the database is not what failed."""
    if isinstance(error, ProjectBusy):
        return error  # it is there, and says what is the matter
    found = error if isinstance(error, SQLAlchemyError) else error.__cause__
    if not isinstance(found, SQLAlchemyError):
        return None
    if isinstance(error, StorageUnavailable) or _lacks_tables(found):
        return StorageUnavailable(_NOT_MIGRATED if _lacks_tables(found) else _NO_DATABASE)
    return None


def _open_stores(settings: CliSettings, events: EventSender, stop_signals: StopSignals) -> Stores:
    database = open_named_database(settings.database_url)
    try:
        redis = connect(settings.redis_url)
    except ValueError:
        raise WrongUse("settings_invalid", _REDIS_FORM) from None
    transactor = ToldTransactor(database, events, stop_signals)
    return Stores(transactor, redis, SecretSealer(settings.sealing_keys))


def _explained(error: Exception) -> Exception:
    explained = explain_database(error)
    if explained is None and isinstance(error, StorageUnavailable):
        return StorageUnavailable(_NO_REDIS)
    return explained or error


def _lacks_tables(error: SQLAlchemyError) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state in _TABLES_MISSING or str(error.orig).startswith(("no such table", "no such col"))
