"""Who may open a socket: the origin before the upgrade, the connect limit right after it.

Each address has its budget in every project held here, and one for all that are not: an upgrade
that has to wait for the card is counted before anything is read for it, and by its project when the
card is there. Of sockets that owe a hello
or wait for their card a node keeps so many; one more takes the place of the oldest, so that those
who say nothing cannot keep out those who do.

Where this node holds the card, the origin is decided at once; else the upgrade waits for it. When
nobody can say in time, the socket is opened and the hello decides: it closes with 4404 or 1013, or
with 4400 where the card has come meanwhile and forbids the origin (the table of closes has no code
of its own for that; the widget's next attempt meets the 403).
"""

import asyncio
from http import HTTPStatus
from time import monotonic

from domain.ids import ProjectId
from gateway.card_shelf import CardAnswer, NoCard
from gateway.closes import Close
from gateway.context import NodeContext
from gateway.hellos import admits_origin, is_within_limit
from gateway.sockets import ACCEPTED, ORIGIN_REFUSED, Socket, UpgradeDecision, UpgradeRequest
from gateway.widget_session import WidgetSession

_TOO_MANY_REQUESTS = UpgradeDecision(
    HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", "Too many sockets; wait, then try again."
)


def decide(
    node: NodeContext, request: UpgradeRequest
) -> "UpgradeDecision | asyncio.Future[UpgradeDecision]":
    """Whether the socket may be opened, or a future of it."""
    if request.origin is None:
        return ACCEPTED
    project_id = ProjectId(request.project_id)
    card = node.shelf.find_card(project_id)
    if card is not None:
        return _decide(card, request.origin)
    if not node.connects.admit_to_unheld(request.address, monotonic()):
        return _TOO_MANY_REQUESTS
    decision: asyncio.Future[UpgradeDecision] = asyncio.get_running_loop().create_future()

    def decided(answer: CardAnswer) -> None:
        if not decision.done():
            decision.set_result(_decide(answer, request.origin))

    node.shelf.ask(project_id, decided)
    return decision


def open_session(node: NodeContext, socket: Socket) -> WidgetSession:
    """The listener of a socket just opened; it owes a hello, unless it has been closed already."""
    session = WidgetSession(socket, node)
    node.sessions.add(session)
    node.metrics.opened.inc()
    if not _is_within_limits(session):
        session.end(Close.TOO_MANY_REQUESTS)
        return session
    if len(node.awaited) >= node.max_awaited:
        node.awaited.expire_first()
    node.awaited.add(session)
    return session


def _is_within_limits(session: WidgetSession) -> bool:
    node, socket = session.node, session.socket
    card = node.shelf.find_card(session.project_id)
    if card is not None:
        return is_within_limit(session, card)
    was_counted = socket.origin is not None  # before its upgrade waited for the card, in vain
    return was_counted or node.connects.admit_to_unheld(socket.address, session.opened_at)


def _decide(answer: CardAnswer, origin: str | None) -> UpgradeDecision:
    if isinstance(answer, NoCard) or admits_origin(answer, origin):
        return ACCEPTED
    return ORIGIN_REFUSED
