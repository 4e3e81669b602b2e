"""Batches that lock few projects at a time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from domain.ids import ProjectId


class OfProject(Protocol):
    """Anything that concerns one project."""

    @property
    def project_id(self) -> ProjectId:
        """The project."""


R = TypeVar("R", bound=OfProject)


def runs_of_projects(requests: Iterable[R], most: int) -> Iterator[Sequence[R]]:
    """The requests in their order, cut into runs that each touch at most so many projects."""
    run: list[R] = []
    seen: set[ProjectId] = set()
    for request in requests:
        if request.project_id not in seen and len(seen) == most:
            yield run
            run, seen = [], set()
        run.append(request)
        seen.add(request.project_id)
    if run:
        yield run
