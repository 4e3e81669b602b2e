"""A real PostgreSQL: the one that is named, else this machine's own binaries on a free port."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.servers.ports import free_port
from tests.servers.runs import shared_by_run, start_guarded

DATABASE_URL_VARIABLE = "WIDGET_AUTH_TEST_DATABASE_URL"
START_SECONDS = 60.0
ALONE_SECONDS = 60.0
UNPRIVILEGED_USERS = ("postgres", "nobody")

# What a test writes need not outlive the machine's next power cut.
_FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=400",
    "unix_socket_directories=",
    "log_min_messages=fatal",
)


class PostgresMissing(Exception):
    """No PostgreSQL: set WIDGET_AUTH_TEST_DATABASE_URL, or install the server's binaries."""


class PostgresServer:
    """A server on which tests make and drop databases of their own."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")

    @property
    def url(self) -> str:
        """The URL of the database that the server came with."""
        return self._url.render_as_string(hide_password=False)

    def create_database(self, template: str | None = None) -> str:
        """The URL of a new database, empty or a copy of the one whose URL is given.

        Nobody may be connected to the template meanwhile.
        """
        name = f"widget_auth_test_{secrets.token_hex(8)}"
        source = sql.Identifier(_database(template) if template else "template0")
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), source)
        )
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """The database is gone, whoever was connected to it."""
        name = sql.Identifier(_database(url))
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def _execute(self, statement: sql.Composed) -> None:
        """Repeated while somebody is still about to leave the database, which may take seconds."""
        deadline = time.monotonic() + ALONE_SECONDS
        with closing(psycopg.connect(_conninfo(self._url), autocommit=True)) as connection:
            while True:
                try:
                    connection.execute(statement)
                except psycopg.errors.ObjectInUse:
                    if time.monotonic() > deadline:
                        raise
                else:
                    return


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """The PostgreSQL of this test run; without one a visible skip, in CI a failure."""
    if named := os.environ.get(DATABASE_URL_VARIABLE):
        return PostgresServer(named)
    try:
        return PostgresServer(shared_by_run("postgres", _start)["url"])
    except PostgresMissing as missing:
        reason = str(missing.__doc__)
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of the server's own database, as `postgresql+psycopg://…`."""
    return postgres_server.url


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh empty database, for one test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


def _start() -> dict[str, str]:
    binaries = _find_binaries()
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="widget-auth-postgres-"))
    password = secrets.token_urlsafe(16)
    try:
        _make_cluster(binaries, folder, user, password)
        return {"url": _serve(binaries, folder, user, password)}
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _find_binaries() -> Path:
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = sorted(installed, key=lambda path: int(path.parts[-3]), reverse=True)
    if not newest:
        raise PostgresMissing
    return newest[0].parent


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; anyone else runs it as themselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED_USERS if name in known)


def _make_cluster(binaries: Path, folder: Path, user: str | None, password: str) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    owner = pwd.getpwnam(user) if user else None
    if owner:
        for path in (folder, password_file):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    command = [str(binaries / "initdb"), "-D", str(folder / "cluster"), "-U", "tester"]
    command += ["--auth=password", f"--pwfile={password_file}", "--no-sync"]
    command += ["--encoding=UTF8", "--locale=C"]
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd=folder,
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
    )


def _serve(binaries: Path, folder: Path, user: str | None, password: str) -> str:
    port = free_port()
    log = folder / "server.log"
    command = [str(binaries / "postgres"), "-D", str(folder / "cluster")]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    command += [part for setting in _FAST for part in ("-c", setting)]
    guard = start_guarded(command, folder=folder, user=user, log=log, stop_signal=signal.SIGQUIT)
    url = URL.create("postgresql+psycopg", "tester", password, "127.0.0.1", port, "postgres")
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if guard.poll() is not None or time.monotonic() > deadline:
            message = f"PostgreSQL did not start: {log.read_text() if log.exists() else ''}"
            raise RuntimeError(message)
        time.sleep(0.02)
    return url.render_as_string(hide_password=False)


def _answers(url: URL) -> bool:
    try:
        psycopg.connect(_conninfo(url), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _database(url: str) -> str:
    name = make_url(url).database
    if not name:
        message = "the URL names no database"
        raise ValueError(message)
    return name
