"""What peers are made of, installed from locks beside this file when a benchmark wants it."""

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON_LOCK = ROOT / "requirements" / "peers.txt"
PYTHON_PACKAGES = ROOT / "benchmarks" / ".packages"
NODE_FOLDER = ROOT / "benchmarks" / "node_peers"

_STAMP = PYTHON_PACKAGES / "installed-lock.sha256"
_SECONDS = 180


class PeerMissing(Exception):
    """This peer cannot run here: the report says why and goes without it."""


def install_python_packages() -> Path:
    """The locked packages of the Python peers are in a folder of their own, which it returns.

    Raises:
        PeerMissing: they cannot be installed.
    """
    fingerprint = sha256(PYTHON_LOCK.read_bytes()).hexdigest() + sys.version
    if not _STAMP.exists() or _STAMP.read_text() != fingerprint:
        shutil.rmtree(PYTHON_PACKAGES, ignore_errors=True)
        pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        options = ["--require-hashes", "--no-deps", "--target", str(PYTHON_PACKAGES)]
        _install([*pip, *options, "-r", str(PYTHON_LOCK)])
        _STAMP.write_text(fingerprint)
    return PYTHON_PACKAGES


def install_node_packages() -> Path:
    """The folder of the node peers, with the locked packages in it.

    Raises:
        PeerMissing: there is no node or no npm, or they cannot be installed.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            message = f"{program} is not installed"
            raise PeerMissing(message)
    installed = NODE_FOLDER / "node_modules" / ".package-lock.json"
    lock = NODE_FOLDER / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _install(["npm", "ci", "--loglevel=error"])
    return NODE_FOLDER


def python_version_of(package: str) -> str:
    """The version of an installed package of the Python peers."""
    [found] = distributions(name=package, path=[str(PYTHON_PACKAGES)])
    return found.version


def node_version_of(package: str) -> str:
    """The version of a package of the node peers."""
    wanted = json.loads((NODE_FOLDER / "package.json").read_text())["dependencies"]
    return str(wanted[package])


def _install(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=NODE_FOLDER, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"its packages were not installed within {_SECONDS} s"
        raise PeerMissing(message) from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        message = f"its packages cannot be installed: {(errors or ['no reason given'])[0]}"
        raise PeerMissing(message)
