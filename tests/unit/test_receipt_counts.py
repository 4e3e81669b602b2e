"""Which of two counts of nodes a receipt keeps."""

from domain.ids import NodeId
from domain.rotations import NodeCounts, fuller

WAITING = NodeCounts(asked=3, answered=2)
WHOLE = NodeCounts(asked=3, answered=2, expired=(NodeId("dead"),))


def test_more_nodes_are_kept() -> None:
    """Whoever was asked later stands in the receipt too."""
    assert fuller(NodeCounts(asked=2, answered=2), WAITING) == WAITING
    assert fuller(WAITING, WHOLE) == WHOLE


def test_what_redis_lost_is_kept() -> None:
    """A receipt that was whole loses no node, nor does one whose nodes have yet to answer anew."""
    assert fuller(WHOLE, NodeCounts(asked=2, answered=2)) == WHOLE
    assert fuller(WAITING, NodeCounts(asked=2, answered=1)) == WAITING


def test_nodes_that_nobody_knows_any_more_are_given_up() -> None:
    """No receipt waits for ever for a node that has neither answered nor a name."""
    assert fuller(WAITING, NodeCounts(asked=2, answered=2)) == NodeCounts(asked=2, answered=2)
