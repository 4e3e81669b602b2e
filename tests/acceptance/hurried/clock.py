"""A clock that runs through a week in seconds: all processes that have its file tell one time."""

import json
import time
from datetime import datetime, timedelta
from pathlib import Path

FILE_VARIABLE = "HURRIED_CLOCK"


class HurriedClock:
    """Stands at its beginning until it is started, runs to its end, and stands there.

    It may be handed to a database as its clock. What makes it run is the machine's monotonic
    clock, which all processes share.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read()

    @classmethod
    def make(cls, file: Path, since: datetime, span: timedelta, seconds: float) -> "HurriedClock":
        """A clock that will run from `since` through `span` in so many seconds."""
        settings = {"since": since.isoformat(), "span": span.total_seconds(), "takes": seconds}
        _write(file, {**settings, "began": None})
        return cls(file)

    def start(self) -> None:
        """It runs, in every process."""
        _write(self._file, {**self._settings, "began": time.monotonic()})
        self._read()

    def __call__(self) -> datetime:
        """What time it is."""
        if self._began is None:
            self._read()
        passed = 0.0 if self._began is None else time.monotonic() - self._began
        return self.since + self.span * min(passed / self._takes, 1.0)

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self() >= self.since + self.span

    def _read(self) -> None:
        self._settings = json.loads(self._file.read_text())
        self.since = datetime.fromisoformat(self._settings["since"])
        self.span = timedelta(seconds=self._settings["span"])
        self._takes: float = self._settings["takes"]
        self._began: float | None = self._settings["began"]


def _write(file: Path, settings: dict[str, object]) -> None:
    """At once, so that nobody ever reads half of it."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(settings))
    beside.rename(file)
