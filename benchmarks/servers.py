"""Redis and PostgreSQL for benchmarks, on free loopback ports, as they come out of the box."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import redis
from sqlalchemy.engine import URL

from benchmarks.children import Child, Children
from cli.development.ports import LOOPBACK, free_port
from cli.development.redis_server import find_server

UNPRIVILEGED_USERS = ("postgres", "nobody")


class PostgresMissing(Exception):
    """No PostgreSQL on this machine: its column is left out."""


def start_redis(children: Children, name: str) -> tuple[Child, int]:
    """A Redis that answers, and its port. It keeps nothing on disk and drops nothing."""
    port = free_port()
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(children.folder),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    arguments = [part for option in options for part in (f"--{option}", options[option])]
    child = children.start(name, [find_server(), *arguments])
    child.until(lambda: _redis_answers(port))
    return child, port


def _redis_answers(port: int) -> bool:
    try:
        with redis.Redis(port=port, retry=None) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def overhear(port: int, channel: str) -> socket.socket:
    """A socket that hears what is published there, as soon as whom it is meant for."""
    listener = socket.create_connection((LOOPBACK, port))
    listener.sendall(f"SUBSCRIBE {channel}\r\n".encode())
    listener.recv(1024)
    return listener


class Postgres:
    """A server with its defaults: every commit reaches the disk."""

    def __init__(self, children: Children) -> None:
        """The server answers.

        Raises:
            PostgresMissing: there are no binaries of it.
        """
        binaries = _find_binaries()
        user = _unprivileged_user()
        folder = children.folder / "postgres"
        folder.mkdir()
        self._password = secrets.token_urlsafe(16)
        (folder / "password").write_text(self._password)
        if user:
            children.folder.chmod(0o711)
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        _make_cluster(binaries, folder, user)
        self._port = free_port()
        command = [str(binaries / "postgres"), "-D", str(folder / "cluster"), "-h", LOOPBACK]
        command += ["-p", str(self._port), "-c", "unix_socket_directories="]
        self.child = children.start(
            "postgres",
            command,
            user=user.pw_uid if user else None,
            stop_signal=signal.SIGINT,  # fast shutdown: clients are not waited for
        )
        self.child.until(self._answers)

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"benchmark_{secrets.token_hex(4)}"
        with closing(psycopg.connect(self._url("postgres"), autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return self._url(name).replace("postgresql://", "postgresql+psycopg://")

    def version(self) -> str:
        """The server's version."""
        with closing(psycopg.connect(self._url("postgres"))) as connection:
            found = connection.execute("SHOW server_version").fetchone()
        return str(found[0]) if found else "?"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _url(self, database: str) -> str:
        url = URL.create("postgresql", "benchmark", self._password, LOOPBACK, self._port, database)
        return url.render_as_string(hide_password=False)


def some_database(children: Children) -> tuple[str, str]:
    """The URL of a new database, and what it is: on PostgreSQL, or SQLite where that is missing."""
    try:
        return Postgres(children).create_database(), "PostgreSQL"
    except PostgresMissing:
        return f"sqlite:///{children.folder}/widget-auth.sqlite", "SQLite"


def _find_binaries() -> Path:
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        raise PostgresMissing
    return newest.parent


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; anyone else runs it as themselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED_USERS if name in known)


def _make_cluster(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    command = [str(binaries / "initdb"), "-D", str(folder / "cluster"), "-U", "benchmark"]
    command += ["--auth=password", f"--pwfile={folder / 'password'}", "--no-sync"]
    subprocess.run(
        [*command, "--encoding=UTF8", "--locale=C"],
        check=True,
        capture_output=True,
        cwd=folder,
        user=user.pw_uid if user else None,
        extra_groups=[] if user else None,
    )
