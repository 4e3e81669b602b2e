"""Engines for SQLite and PostgreSQL, and the one way to run a transaction on each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from domain.errors import ProjectBusy, StorageUnavailable
from storage.sql.patience import CONNECT_ARGUMENTS, UNHURRIED_ARGUMENTS, PatientConnection
from storage.sql.turnstile import Turnstile

T = TypeVar("T")
Clock: TypeAlias = Callable[[], datetime]

_CLOCK = "widget_auth_clock"

BUSY_TIMEOUT_SECONDS = 5
TRANSACTION_ATTEMPTS = 3
_RETRIED_STATES = frozenset({"40P01", "40001"})  # deadlock detected, serialization failure
_LOCK_NOT_AVAILABLE = "55P03"
_QUERY_CANCELED = "57014"
_READ_ONLY = "25006"
# Every statement here has an index to go by. A connection keeps its plans, and one made while a
# table was small would read all of it for as long: so reading all of a table is no plan, and what
# that makes of a plan's cost starts no compiler.
_PLANS = "-c enable_seqscan=off -c jit=off"

_SET_LOCK_TIMEOUT = sa.text("SELECT set_config('lock_timeout', :milliseconds, true)")


class Database:
    """A reader and a writer over one database; both raise `StorageUnavailable` when it is away."""

    def __init__(self, reader: Engine, writer: Engine, turnstile: Turnstile | None) -> None:
        self._reader = reader
        self._writer = writer
        self._turnstile = turnstile

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the one-machine form."""
        return self._writer.dialect.name == "sqlite"

    @property
    def writer(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent read of one moment; nothing can be written through it."""
        with _mapped_errors(), self._reader.begin() as db, _left_clean(db):
            yield db

    def write(
        self,
        work: Callable[[Connection], T],
        *,
        urgent: bool = False,
        lock_seconds: float | None = None,
    ) -> T:
        """`work` has run inside one transaction, and that has committed.

        A deadlock or serialization failure is repeated in up to three new transactions, so `work`
        does nothing that cannot be undone by a rollback.

        Args:
            work: gets the connection; its return value is returned.
            urgent: a revocation or a person's click, which SQLite's batch writer lets past.
            lock_seconds: how long it waits for a lock, where that is less than usual; SQLite knows
                only the one of all its writers.

        Raises:
            ProjectBusy: somebody held a lock for longer; nothing has happened.
            StorageUnavailable: the database does not answer.
        """
        if lock_seconds is not None and not self.is_sqlite:
            work = _less_patient(work, lock_seconds)
        return _repeated(lambda: self._write_once(work, urgent=urgent))

    def _write_once(self, work: Callable[[Connection], T], *, urgent: bool) -> T:
        with (
            _mapped_errors(),
            self._turn(urgent=urgent),
            self._writer.begin() as db,
            _left_clean(db),
        ):
            return work(db)

    @contextmanager
    def _turn(self, *, urgent: bool) -> Iterator[None]:
        if self._turnstile and not urgent:
            self._turnstile.pass_through()
        with self._turnstile.held() if self._turnstile and urgent else nullcontext():
            yield

    def change_tables(self, work: Callable[[Connection], T]) -> T:
        """`work` has run, however long its statements took.

        On SQLite that is one transaction. On PostgreSQL it is over a connection of its own, whose
        answers are waited for, and which is closed afterwards: `work` commits. Like a transaction
        it may be run up to three times, and goes on from what it has committed.

        Raises:
            ProjectBusy: somebody held a table, or whatever `work` locks, for too long.
            StorageUnavailable: the database does not answer.
        """
        if self.is_sqlite:
            return self.write(work, urgent=True)
        engine = _open_unhurried(self._writer.url)

        def change_once() -> T:
            with _mapped_errors(), engine.connect() as db:
                return work(db)

        return _repeated(change_once)

    def close(self) -> None:
        """Every connection is closed."""
        self._reader.dispose()
        self._writer.dispose()


def open_database(url: str, clock: Clock | None = None) -> Database:
    """The database of a URL: `sqlite:///file` or `postgresql+psycopg://…`.

    Args:
        url: where it is.
        clock: tells the time instead of the database's own, for simulations.

    Raises:
        ValueError: another kind of database, or SQLite in memory (which no two processes share).
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, clock)
    if parsed.get_backend_name() == "postgresql":
        engine = _open_postgresql(parsed, clock)
        reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        return Database(reader, engine, None)
    message = "the database is sqlite:///<file> or postgresql+psycopg://<host>/<name>"
    raise ValueError(message)


def now_of(db: Connection) -> datetime:
    """The database's clock, read now: PostgreSQL's own, or this machine's for SQLite."""
    clock: Clock | None = db.get_execution_options().get(_CLOCK)
    if clock:
        return clock()
    if db.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = db.scalar(sa.text("SELECT clock_timestamp()"))
    return moment.astimezone(UTC)


def _open_postgresql(url: URL, clock: Clock | None) -> Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        execution_options={_CLOCK: clock},
        pool_size=5,
        max_overflow=5,
        pool_timeout=5,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args={**CONNECT_ARGUMENTS, "options": f"{CONNECT_ARGUMENTS['options']} {_PLANS}"},
    )
    sa.event.listen(engine, "do_connect", _connect_patiently)
    sa.event.listen(engine, "handle_error", _let_go_of_former_primary)
    return engine


def _open_unhurried(url: URL) -> Engine:
    return sa.create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args=UNHURRIED_ARGUMENTS,
    )


def _connect_patiently(
    _dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]
) -> PatientConnection:
    return PatientConnection.connect(*arguments, **named)


def _let_go_of_former_primary(context: ExceptionContext) -> None:
    """A server that refuses to be written to is none of ours, and no connection to it is kept.

    After a failover the address may lead to it for a while yet.
    """
    options = context.connection.get_execution_options() if context.connection else {}
    is_refused = getattr(context.original_exception, "sqlstate", None) == _READ_ONLY
    if is_refused and not options.get("postgresql_readonly"):
        context.is_disconnect = True  # of every connection in the pool


def _open_sqlite(url: URL, clock: Clock | None) -> Database:
    if not url.database or url.database == ":memory:":
        message = "SQLite needs a file: sqlite:////path/to/widget-auth.sqlite"
        raise ValueError(message)
    reader = _sqlite_engine(url, clock, begin="BEGIN", query_only=True)
    writer = _sqlite_engine(url, clock, begin="BEGIN IMMEDIATE", query_only=False)
    return Database(reader, writer, Turnstile(Path(url.database + ".turnstile")))


def _sqlite_engine(url: URL, clock: Clock | None, *, begin: str, query_only: bool) -> Engine:
    engine = sa.create_engine(
        url,
        execution_options={_CLOCK: clock},
        hide_parameters=True,
        pool_timeout=5,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin or commit by itself
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", lambda db: db.exec_driver_sql(begin))
    return engine


@contextmanager
def _left_clean(db: Connection) -> Iterator[None]:
    """After an error SQLite's connection is closed.

    A statement whose rows were not all read, and which the error's traceback keeps alive, would
    hold its snapshot of the database open for whoever got the connection next.
    """
    try:
        yield
    except BaseException:
        if db.dialect.name == "sqlite":
            db.invalidate()
        raise


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if _is_repeatable(error):
            raise
        if _waited_for_lock(error):
            raise ProjectBusy from error
        raise StorageUnavailable from error
    except PoolTimeout as error:
        raise StorageUnavailable from error
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise StorageUnavailable from error
        raise


def _repeated(attempt: Callable[[], T]) -> T:
    for attempts_left in reversed(range(TRANSACTION_ATTEMPTS)):
        try:
            return attempt()
        except DBAPIError as error:
            if not _is_repeatable(error):
                raise
            if not attempts_left:
                raise StorageUnavailable from error
    raise AssertionError  # the last attempt returns or raises


def _is_repeatable(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _RETRIED_STATES


def _waited_for_lock(error: DBAPIError) -> bool:
    """Whether it ended while waiting for somebody's lock, by either of the two bounds.

    A statement that waits for several locks in turn meets its own bound. Where the server speaks
    another language that counts as a database that does not answer, which is safe.
    """
    if not isinstance(error.orig, psycopg.Error):
        return False
    if error.orig.sqlstate == _QUERY_CANCELED:
        return " tuple (" in (error.orig.diag.context or "")
    return error.orig.sqlstate == _LOCK_NOT_AVAILABLE


def _less_patient(work: Callable[[Connection], T], seconds: float) -> Callable[[Connection], T]:
    def impatiently(db: Connection) -> T:
        wait_for_locks(db, seconds)
        return work(db)

    return impatiently


def wait_for_locks(db: Connection, seconds: float) -> None:
    """This transaction waits so long for a lock from now on; on PostgreSQL."""
    milliseconds = max(1, round(seconds * 1000))  # none would be without end
    db.execute(_SET_LOCK_TIMEOUT, {"milliseconds": f"{milliseconds}ms"})
