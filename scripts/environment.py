"""Leaves .venv ready: environment.py local|development [--check]. Uses the standard library only.

With --check it changes nothing and exits 1 unless all is ready.

What is installed comes from the lock of that name, every file checked against its hash. A stamp
tells what the environment was made of, so that the usual call does nothing and takes no time;
a changed lock is installed, a moved or half-made environment is made anew.
"""  # noqa: INP001 - a program, not a package

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "widget-auth.json"
UNFINISHED = ROOT / ".venv.unfinished"
LOCK = ROOT / ".venv.lock"
SHOWN_CHARACTERS = 4000

Stamp = dict[str, str]


def main() -> None:
    """The environment holds what the named lock says, and this project."""
    name = sys.argv[1]
    if _is_ready(name):
        return
    if "--check" in sys.argv:
        sys.exit(1)
    with _one_at_a_time():
        if not _is_ready(name):
            _make_ready(name)


def _is_ready(name: str) -> bool:
    found = _read_stamp()
    if found.get("place") != str(ROOT) or not PYTHON.exists():
        return False
    # The development lock holds all of the local one, in the same versions.
    return any(found.get(lock) == _fingerprint(lock) for lock in {name, "development"})


def _make_ready(name: str) -> None:
    sys.stderr.write(f"Setting up .venv from requirements/{name}.txt (a minute or so) …\n")
    stamp = _read_stamp()
    moved = stamp.get("place", str(ROOT)) != str(ROOT)
    if moved or UNFINISHED.exists() or not _has_pip():
        stamp = {}
        UNFINISHED.touch()
        if ENVIRONMENT.is_symlink():
            ENVIRONMENT.unlink()  # another checkout's, which clearing would empty
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(ENVIRONMENT)
    UNFINISHED.touch()
    _pip("--require-hashes", "-r", f"requirements/{name}.txt")
    _pip("--no-deps", "--no-build-isolation", "-e", ".")
    stamp |= {"place": str(ROOT), name: _fingerprint(name)}
    STAMP.write_text(json.dumps(stamp))
    UNFINISHED.unlink()


def _read_stamp() -> Stamp:
    try:
        stamp: Stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def _fingerprint(name: str) -> str:
    """Changes with the lock and with what the project itself asks to be installed."""
    digest = hashlib.sha256()
    for path in (ROOT / "requirements" / f"{name}.txt", ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _has_pip() -> bool:
    if not PYTHON.exists():
        return False
    check = [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0  # noqa: S603


def _pip(*arguments: str) -> None:
    # -I: what PYTHON… variables and the user's own packages say is not for this environment.
    command = [str(PYTHON), "-I", "-m", "pip", "--disable-pip-version-check", "install", *arguments]
    done = subprocess.run(  # noqa: S603
        command,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-SHOWN_CHARACTERS:])
        sys.exit("The requirements could not be installed; the next try starts afresh.")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next try starts afresh.")
