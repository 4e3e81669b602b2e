"""Where a process of this suite may be stopped: at a named step, if a trap lies there."""

import os
import signal
from contextlib import suppress
from pathlib import Path

FOLDER_VARIABLE = "CHAOS_TRAPS"
NAME_VARIABLE = "CHAOS_NAME"
SPRUNG = ".sprung"


class Traps:
    """Traps for one process. A trap is a file `<process>.<step>` that holds a signal's name."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER_VARIABLE])
        self._name = os.environ[NAME_VARIABLE]

    def __call__(self, step: str) -> None:
        """The process goes on, unless a trap lies here; each is sprung by one process only."""
        trap = self._folder / f"{self._name}.{step}"
        with suppress(FileNotFoundError):
            sprung = trap.rename(trap.with_name(trap.name + SPRUNG))
            os.kill(os.getpid(), signal.Signals[sprung.read_text()])
