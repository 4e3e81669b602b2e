"""Whether receipts say what the clients saw. Pure, as the checker.

A client does not see everything: a close may be lost with its connection, and a gateway that dies
takes with it what it had not told yet. So a receipt's figures lie between two that are known.
"""

from collections.abc import Iterator

from domain.rotations import Rotation
from tests.chaos.history import History, SocketLife
from tests.chaos.truth import ProjectTruth

REVOKED = 4401
DEADLY = frozenset({"kill -9", "restart", "kill at a step"})


def wrong_receipts(history: History, project: str, state: ProjectTruth) -> Iterator[str]:
    """The rotations whose receipts cannot be true, and why."""
    for rotation in state.rotations:
        if rotation.completed_at is not None:
            for why in _faults(history, project, state, rotation):
                yield f"{project}: {why}: {rotation.id} {rotation.sessions} {rotation.nodes}"


def _faults(
    history: History, project: str, state: ProjectTruth, rotation: Rotation
) -> Iterator[str]:
    sessions, nodes = rotation.sessions, rotation.nodes
    ended = {key for key, s in state.secrets.items() if s.revoked_at == rotation.effective_at}
    sockets = [s for s in history.sockets if s.project == project]
    concerned = [s for s in sockets if s.presented & ended]
    if sessions.targeted != sessions.closed + sessions.gone or sessions.gone < 0:
        yield "the figures do not add up"
    if nodes.asked > nodes.answered + len(nodes.expired):
        yield "a node neither answered nor is named"
    if sessions.targeted > len(concerned):
        yield f"only {len(concerned)} sockets may have been signed in"
    may_be_closed = sum(s.code is not None for s in concerned)
    if sessions.closed > may_be_closed:
        yield f"only {may_be_closed} sockets may have been closed"
    told = sum(_was_told(history, socket, ended) for socket in sockets)
    if sessions.closed < told:
        yield f"{told} sockets were closed by gateways that lived on"


def _was_told(history: History, socket: SocketLife, ended: set[str]) -> bool:
    """Whether a gateway that lived on has closed the socket for the end of one of these keys."""
    lived_on = not any(
        fault.kind in DEADLY and fault.target.split(".")[0] == socket.gateway
        for fault in history.faults
    )
    vouched = socket.key_id or socket.tried
    return socket.code == REVOKED and lived_on and vouched in ended
