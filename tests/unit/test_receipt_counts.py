"""What a receipt counts, and what it keeps of what Redis has lost."""

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import NodeId
from domain.receipts import (
    Answers,
    NodeCounts,
    SessionCounts,
    count_nodes,
    count_sessions,
    join_answers,
)

ONE, TWO, DEAD = NodeId("one"), NodeId("two"), NodeId("dead")
NODES = st.sampled_from((ONE, TWO, DEAD))
ANSWERS = st.dictionaries(NODES, st.none() | st.integers(0, 300))


def test_sessions_that_nobody_closed_are_gone() -> None:
    """What was found and not closed ended by itself; what was closed had to be there."""
    answers: Answers = {ONE: 3, TWO: 0, DEAD: None}
    assert count_sessions(SessionCounts(), 5, answers) == SessionCounts(5, 3, 2)
    assert count_sessions(SessionCounts(), 2, answers) == SessionCounts(3, 3, 0)


def test_sessions_that_were_counted_stay_counted() -> None:
    """Redis has lost what it had found; of a rotation that is older, SQL holds figures alone."""
    before = SessionCounts(targeted=7, closed=4, gone=3)
    assert count_sessions(before, 0, {}) == before
    assert count_sessions(before, 0, {ONE: 5}) == SessionCounts(7, 5, 2)


def test_a_node_is_counted_as_answered_or_named() -> None:
    """One that was given up and has answered after all is not named."""
    counts = count_nodes({ONE: 0, TWO: None, DEAD: None}, [DEAD])
    assert counts == NodeCounts(asked=3, answered=1, expired=(DEAD,))
    assert count_nodes({ONE: 0}, [ONE]) == NodeCounts(asked=1, answered=1)


@given(ANSWERS, ANSWERS)
def test_answers_only_grow(one: Answers, other: Answers) -> None:
    """In whatever order they are joined, and joined again: no node and no close is lost."""
    joined = join_answers(one, other)

    assert joined == join_answers(other, one) == join_answers(joined, one)
    for node in {*one, *other}:
        counts = [c for c in (one.get(node), other.get(node)) if c is not None]
        assert joined[node] == max(counts, default=None)
