"""The deliberate bugs still fit the code; `make mutations` shows that each of them is seen."""

import pytest

from tests.acceptance.processes import ROOT
from tests.chaos.interleavings import PLAYS
from tests.chaos.mutations import BUGS, Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_fits_the_code(bug: Bug) -> None:
    """What a bug changes stands in the code, once."""
    for edit in bug.edits:
        text = (ROOT / edit.path).read_text()
        assert edit.applied(text) != text


def test_every_play_has_its_bug() -> None:
    """No interleaving is played that nothing could spoil."""
    assert {bug.play for bug in BUGS} == set(PLAYS)
