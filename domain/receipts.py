"""Receipts: what became of the sessions of a revoked secret, and which gateway nodes said so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from domain.ids import NodeId

Answers: TypeAlias = Mapping[NodeId, int | None]
"""Every gateway node that was asked: how many sockets it closed, None until it has answered."""


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Live sessions of the revoked secret: found, closed by their nodes, gone by themselves."""

    targeted: int = 0
    closed: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """Gateway nodes: asked, answered, and those whose lease expired unanswered, by name."""

    asked: int = 0
    answered: int = 0
    expired: tuple[NodeId, ...] = ()


def count_sessions(before: SessionCounts, targeted: int, answers: Answers) -> SessionCounts:
    """The figures so far, never fewer than before: Redis may have lost what SQL already noted.

    Args:
        targeted: sessions found under the dead generations after the epoch was raised.
    """
    closed = max(before.closed, sum(count or 0 for count in answers.values()))
    found = max(before.targeted, targeted, closed)
    return SessionCounts(targeted=found, closed=closed, gone=found - closed)


def count_nodes(answers: Answers, expired: Iterable[NodeId]) -> NodeCounts:
    """The figures so far; a node that was given up and has answered after all is not named."""
    answered = {node for node, count in answers.items() if count is not None}
    return NodeCounts(
        asked=len(answers),
        answered=len(answered),
        expired=tuple(sorted(set(expired) - answered)),
    )


def join_answers(one: Answers, other: Answers) -> Answers:
    """What either knows of each node, the larger count where both do: answers only grow."""
    joined = dict(one)
    for node, count in other.items():
        known = joined.get(node)
        joined[node] = known if count is None else max(count, known or 0)
    return joined
