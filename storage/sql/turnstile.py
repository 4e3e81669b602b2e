"""SQLite's turnstile: an urgent writer is never starved by a busy batch writer."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEADLINE_SECONDS = 5.0
_POLL_SECONDS = 0.001


class Turnstile:
    """A lock file beside the database. It orders writers; SQLite's own lock excludes them.

    An urgent writer holds it through its transaction; a batch writer takes and releases it before
    each of its own, and so stands back while an urgent one waits. Because it guards fairness only,
    a holder that hangs costs the others the deadline, not the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """The turnstile is ours in the block (or its deadline has passed)."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(file)
            yield
        finally:
            os.close(file)  # closing releases the lock

    def pass_through(self) -> None:
        """No urgent writer was waiting at some moment during this call."""
        with self.held():
            pass

    def _lock(self, file: int) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_POLL_SECONDS)
            else:
                return
