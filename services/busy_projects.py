"""Projects that somebody holds: what was waited for in vain is hardly waited for again."""

import time

from domain.ids import ProjectId

REMEMBERED_SECONDS = 5.0
HARDLY_SECONDS = 0.01
# Sweeps do one thing after the other, and each comes again: what they wait for keeps all the rest.
SWEEP_SECONDS = 0.3


class BusyProjects:
    """Projects that somebody has held for too long lately; for any number of threads."""

    def __init__(self) -> None:
        self._until: dict[ProjectId, float] = {}

    def is_known(self, project_id: ProjectId) -> bool:
        """Whether the project was waited for in vain a moment ago."""
        return self._until.get(project_id, 0.0) > time.monotonic()

    def seconds_for(self, project_id: ProjectId, most: float) -> float:
        """How long the project's lock is worth waiting for."""
        return min(most, HARDLY_SECONDS) if self.is_known(project_id) else most

    def note(self, project_id: ProjectId) -> None:
        """It was waited for in vain; every few seconds it is waited for properly again."""
        if self.is_known(project_id):
            return
        now = time.monotonic()
        for other, until in list(self._until.items()):
            if until <= now:
                self._until.pop(other, None)
        self._until[project_id] = now + REMEMBERED_SECONDS

    def forget(self, project_id: ProjectId) -> None:
        """Somebody has got it."""
        self._until.pop(project_id, None)
