"""How many messages wait on this node for changes of identity, and which project has its share."""

from collections import Counter

from domain.ids import ProjectId


class WordsWaiting:
    """Counts them. While half of the room is free anybody has it; then each project has a share.

    Args:
        most: wait at once, whosever they are.
        share: of these each project has this many, also where another one takes what it can.
    """

    __slots__ = ("_by_project", "_count", "_most", "_share")

    def __init__(self, most: int, share: int) -> None:
        self._most = most
        self._share = share
        self._count = 0
        self._by_project: Counter[ProjectId] = Counter()

    def is_full(self, project_id: ProjectId) -> bool:
        """Whether no more of this project's may wait."""
        has_its_share = self._by_project[project_id] >= self._share
        return self._count >= self._most or (has_its_share and self._count >= self._most // 2)

    def add(self, project_id: ProjectId) -> None:
        """One more waits."""
        self._count += 1
        self._by_project[project_id] += 1

    def remove(self, project_id: ProjectId, count: int = 1) -> None:
        """So many of those that were added wait no more."""
        self._count -= count
        self._by_project[project_id] -= count
        if not self._by_project[project_id]:
            del self._by_project[project_id]
