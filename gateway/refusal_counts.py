"""Refused sign-ins that no worker has seen, counted until the sweep adds them to the figures."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from storage.redis.figures import SignInCounts

MOST_PROJECTS: Final = 1_000
"""Refusals of more projects than that between two sweeps are not counted."""

Counts: TypeAlias = dict[ProjectId, SignInCounts]


class RefusalCounts:
    """What this node refused itself, by project and code.

    Args:
        add: adds counts to the figures of the hour that this moment lies in.
        most_projects: how many projects are counted between two sweeps.
    """

    def __init__(
        self,
        add: Callable[[Mapping[ProjectId, SignInCounts], datetime], Awaitable[None]],
        most_projects: int = MOST_PROJECTS,
    ) -> None:
        self._add = add
        self._most_projects = most_projects
        self._counts: Counts = {}

    def note(self, project_id: ProjectId, code: str) -> None:
        """One more, of a project that is known to be one."""
        counted = self._counts.get(project_id)
        if counted is None:
            if len(self._counts) >= self._most_projects:
                return
            counted = self._counts[project_id] = SignInCounts()
        counted.refused[code] += 1

    async def hand_over(self) -> None:
        """Everything counted so far is in the figures, or lost.

        Lost rather than kept where Redis does not answer: it may have taken them.
        """
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._add(counts, datetime.now(UTC))
        except StorageUnavailable:
            return
