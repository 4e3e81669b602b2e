"""A server's guard: ends it with the test run that it belongs to. A program of its own.

Usage: guard.py RUN_DIR FOLDER USER SIGNAL COMMAND...
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

STOP_SECONDS = 10.0

_over = threading.Event()


def main() -> None:
    """Returns when the server has ended, of itself or because the run has."""
    run_dir, folder, user, stop_signal, *command = sys.argv[1:]
    # Held open to the end: the run waits until no guard holds it.
    guards = (Path(run_dir) / "guards").open("ab")
    fcntl.flock(guards, fcntl.LOCK_SH)
    server = _start(command, user or None)
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(int(stop_signal)))
    threading.Thread(
        target=_stop_after_run, args=(Path(run_dir), server, int(stop_signal)), daemon=True
    ).start()
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)
    if _over.is_set():
        shutil.rmtree(run_dir, ignore_errors=True)  # whoever began it may have been killed
    os._exit(0)  # the other thread may wait for a run that goes on


def _start(command: list[str], user: str | None) -> "subprocess.Popen[bytes]":
    extra_groups: list[int] | None = [] if user else None
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        user=user,
        group=_group_of(user) if user else None,
        extra_groups=extra_groups,
    )


def _group_of(user: str) -> int:
    import pwd  # noqa: PLC0415 - not on every system

    return pwd.getpwnam(user).pw_gid


def _stop_after_run(run_dir: Path, server: "subprocess.Popen[bytes]", stop_signal: int) -> None:
    with (run_dir / "alive").open("ab") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
    _over.set()
    server.send_signal(stop_signal)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    main()
