"""The first command on a machine that lacks something: one helpful line, exit 1, nothing made."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]

OLD_PYTHON = """#!/bin/sh
case "$*" in
  *version_info*) exit 1 ;;
  *) echo "python3 is 3.9.2" ;;
esac
"""
PYTHON_WITHOUT_VENV = """#!/bin/sh
case "$*" in
  *ensurepip*) exit 1 ;;
  *%d.%d*) echo 3.12 ;;
  *) exit 0 ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout in a path with a space, and a PATH on which there is nearly nothing."""
    checkout = tmp_path / "a checkout"
    shutil.copytree(ROOT / "scripts", checkout / "scripts")
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("bash", "dirname", "sh"):
        found = shutil.which(name)
        assert found
        (commands / name).symlink_to(found)
    return tmp_path


def _set_up(machine: Path, python: str | None) -> "subprocess.CompletedProcess[str]":
    if python:
        program = machine / "commands" / "python3"
        program.write_text(python)
        program.chmod(0o755)
    return subprocess.run(
        [machine / "a checkout" / "scripts" / "setup", "local"],
        env={"PATH": os.fspath(machine / "commands")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "told"),
    [
        (None, "there is no python3"),
        (OLD_PYTHON, "python3 is 3.9.2"),
        (PYTHON_WITHOUT_VENV, "python3.12-venv"),
    ],
)
def test_what_is_missing_is_told_in_one_line(machine: Path, python: str | None, told: str) -> None:
    """The line names what to install."""
    done = _set_up(machine, python)

    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (machine / "a checkout" / ".venv").exists()


def test_another_checkouts_environment_is_left_alone(machine: Path) -> None:
    """Where `.venv` is a link to one, the link goes and what it leads to stays."""
    checkout, other = machine / "a checkout", machine / "environment"
    other.mkdir()
    kept = other / "kept"
    kept.touch()
    (checkout / ".venv").symlink_to(other)

    with _setting_up(checkout):
        wait_until((checkout / ".venv" / "pyvenv.cfg").exists, "an emptied environment")

    assert kept.exists()
    assert not (checkout / ".venv").is_symlink()


@contextmanager
def _setting_up(checkout: Path) -> Iterator[None]:
    """An environment is being made; whatever is still to be done in the end is left undone."""
    process = subprocess.Popen(
        [sys.executable, checkout / "scripts" / "environment.py", "local"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
