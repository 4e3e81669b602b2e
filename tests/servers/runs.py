"""One test run, however many processes it has: what they share, and when it is over.

Every process of a run holds a shared lock on `alive`. A server's guard waits for the exclusive
one, which it gets when all of them are gone, by whatever end: finished, Ctrl-C, `kill -9`.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

RUN_DIR_VARIABLE = "WIDGET_AUTH_TEST_RUN_DIR"
GUARDS_GONE_SECONDS = 60.0

_alive: list[IO[bytes]] = []
_guards: list["subprocess.Popen[bytes]"] = []  # kept: they outlive whoever asked for them


def begin_run(*, first_process: bool) -> None:
    """This process belongs to a run: its own, or the one of the process that started it."""
    if first_process:
        os.environ[RUN_DIR_VARIABLE] = tempfile.mkdtemp(prefix="widget-auth-tests-")
    handle = (run_dir() / "alive").open("ab")
    fcntl.flock(handle, fcntl.LOCK_SH)
    _alive.append(handle)


def end_run(*, first_process: bool) -> None:
    """This process has left the run; with the first, the servers are stopped and all is removed."""
    while _alive:
        _alive.pop().close()
    if not first_process:
        return
    folder = run_dir()
    _wait_for_guards(folder)
    while _guards:
        _guards.pop().wait(GUARDS_GONE_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def run_dir() -> Path:
    """The folder that all processes of this run see."""
    return Path(os.environ[RUN_DIR_VARIABLE])


def shared_by_run(name: str, start: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What `start` returned to whichever process of the run asked first."""
    found = run_dir() / f"{name}.json"
    with _locked(run_dir() / f"{name}.lock"):
        if not found.exists():
            found.write_text(json.dumps(start()))
        facts: dict[str, str] = json.loads(found.read_text())
        return facts


def start_guarded(
    command: Sequence[str], *, folder: Path, user: str | None, log: Path, stop_signal: int
) -> "subprocess.Popen[bytes]":
    """The command runs under a guard that ends it, and removes the folder, with the run."""
    guard = [sys.executable, str(Path(__file__).with_name("guard.py"))]
    arguments = [str(run_dir()), str(folder), user or "", str(int(stop_signal)), *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*guard, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the tests; the guard follows them
        )
    _guards.append(process)
    return process


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _wait_for_guards(folder: Path) -> None:
    deadline = time.monotonic() + GUARDS_GONE_SECONDS
    with (folder / "guards").open("ab") as handle:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return
