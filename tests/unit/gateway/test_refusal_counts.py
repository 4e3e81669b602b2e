"""Refusals are counted in bounded memory."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from gateway.refusal_counts import RefusalCounts
from storage.redis.figures import SignInCounts

pytestmark = pytest.mark.anyio


class Figures:
    """Where counts go."""

    def __init__(self) -> None:
        self.added: list[dict[ProjectId, int]] = []
        self.is_away = False

    async def add(self, counts: Mapping[ProjectId, SignInCounts], _now: datetime) -> None:
        """They are added."""
        if self.is_away:
            raise StorageUnavailable
        self.added.append({id_: counted.refused.total() for id_, counted in counts.items()})


A, B, C = map(ProjectId, "abc")


async def test_a_flood_over_many_projects_is_bounded() -> None:
    """So many projects are counted between two sweeps; the next one begins anew."""
    figures = Figures()
    counts = RefusalCounts(figures.add, most_projects=2)

    for project in (A, B, C, A):
        counts.note(project, "token_expired")
    await counts.hand_over()
    counts.note(C, "token_expired")
    await counts.hand_over()
    await counts.hand_over()

    assert figures.added == [{A: 2, B: 1}, {C: 1}]


async def test_a_store_that_is_away_costs_counts_and_nothing_else() -> None:
    """They may have been taken, so they are not given again; the sweep goes on."""
    figures = Figures()
    counts = RefusalCounts(figures.add)
    counts.note(A, "token_expired")

    figures.is_away = True
    await counts.hand_over()
    figures.is_away = False
    counts.note(A, "token_expired")
    await counts.hand_over()

    assert figures.added == [{A: 1}]
