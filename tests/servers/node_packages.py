"""Packages from npm that tests use: locked, installed beside their lock, never in a release."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

SECONDS = 240


def install_node_packages(folder: Path) -> None:
    """The folder's locked packages are there; several processes of a run may ask at once."""
    if shutil.which("npm") is None:
        _missing("npm is not installed")
    installed, lock = folder / "node_modules/.package-lock.json", folder / "package-lock.json"
    with (folder / ".node_modules.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if installed.exists() and installed.stat().st_mtime > lock.stat().st_mtime:
            return
        done = subprocess.run(
            ["npm", "ci", "--silent"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            _missing(f"npm cannot install the locked packages: {done.stderr[-500:]}")


def _missing(reason: str) -> NoReturn:
    """A visible skip here, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
