"""How many publications of cards this node asks for.

A project that is held here is a real one, so its publication is always asked for, only spread over
time: after a loss in Redis that is all of them at once. A project that is not held may be made up
by whoever named it; all such share a small budget of their own.
"""

import asyncio
from itertools import islice
from typing import Final, Protocol

from domain.ids import ProjectId
from domain.rate_windows import RateWindow

HELD_AT_ONCE: Final = 50
HELD_PAUSE_SECONDS: Final = 0.1
UNHELD_PER_SECOND: Final = 20


class AskForPublication(Protocol):
    """Asks the workers for a card; it neither blocks nor raises."""

    def __call__(self, project_id: ProjectId, *, is_held: bool) -> None:
        """The request is on its way."""


class PublicationBudget:
    """Belongs to the event loop it is made on."""

    def __init__(self, publish: AskForPublication) -> None:
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._held: dict[ProjectId, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._unheld = RateWindow(seconds=1.0)

    def ask(self, project_id: ProjectId, *, is_held: bool) -> bool:
        """Whether the workers are asked now, or will be soon, once for all who ask until then."""
        if is_held:
            self._held[project_id] = None
            if self._timer is None:  # what is asked in one turn of the loop goes together
                self._timer = self._loop.call_later(0.0, self._send_held)
            return True
        if not self._unheld.admit(UNHELD_PER_SECOND, self._loop.time()):
            return False
        self._publish(project_id, is_held=False)
        return True

    def stop(self) -> None:
        """Nothing more is asked for."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _send_held(self) -> None:
        self._timer = None
        for project_id in list(islice(self._held, HELD_AT_ONCE)):
            del self._held[project_id]
            self._publish(project_id, is_held=True)
            self._timer = self._timer or self._loop.call_later(HELD_PAUSE_SECONDS, self._send_held)
