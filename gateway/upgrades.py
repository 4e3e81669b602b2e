"""Who may open a socket: the origin before the upgrade, the connect limit right after it.

Where this node holds the card, the origin is decided at once; else the upgrade waits for it. When
nobody can say in time, the socket is opened and the hello decides: it closes with 4404 or 1013, or
with 4400 where the card has come meanwhile and forbids the origin (the table of closes has no code
of its own for that; the widget's next attempt meets the 403).
"""

import asyncio
from typing import TYPE_CHECKING

from domain.cards import Limits
from domain.ids import ProjectId
from gateway.card_shelf import CardAnswer, NoCard
from gateway.closes import Close
from gateway.hellos import admits_origin
from gateway.sockets import ACCEPTED, ORIGIN_REFUSED, Socket, UpgradeDecision, UpgradeRequest
from gateway.widget_session import WidgetSession

if TYPE_CHECKING:
    from gateway.context import NodeContext


def decide(
    node: "NodeContext", request: UpgradeRequest
) -> "UpgradeDecision | asyncio.Future[UpgradeDecision]":
    """Whether the socket may be opened, or a future of it."""
    if request.origin is None:
        return ACCEPTED
    project_id = ProjectId(request.project_id)
    card = node.shelf.find_card(project_id)
    if card is not None:
        return _decide(card, request.origin)
    decision: asyncio.Future[UpgradeDecision] = asyncio.get_running_loop().create_future()

    def decided(answer: CardAnswer) -> None:
        if not decision.done():
            decision.set_result(_decide(answer, request.origin))

    node.shelf.ask(project_id, decided)
    return decision


def open_session(node: "NodeContext", socket: Socket) -> WidgetSession:
    """The listener of a socket just opened; it owes a hello, unless it has been closed already."""
    session = WidgetSession(socket, node)
    node.sessions.add(session)
    node.metrics.opened.inc()
    card = node.shelf.find_card(session.project_id)
    limit = (card.limits if card else Limits()).connects_per_address
    if node.connects.admit(session.project_id, socket.address, limit, session.opened_at):
        node.awaited.add(session)
    else:
        session.end(Close.TOO_MANY_REQUESTS)
    return session


def _decide(answer: CardAnswer, origin: str | None) -> UpgradeDecision:
    if isinstance(answer, NoCard) or admits_origin(answer, origin):
        return ACCEPTED
    return ORIGIN_REFUSED
