"""From a hello to a welcome: the card, the origin, the device, the record in Redis."""

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from domain.cards import Card
from domain.device_ids import anonymous_visitor
from domain.ids import DeviceId
from gateway.card_shelf import CardAnswer, NoCard
from gateway.closes import Close
from gateway.frames import Hello
from gateway.phases import Phase
from gateway.steps import Step
from storage.redis.session_writer import RegisterResult

if TYPE_CHECKING:
    from gateway.widget_session import WidgetSession


def admits_origin(card: Card, origin: str | None) -> bool:
    """Whether the project allows a widget of this origin; one that names none is no browser."""
    return origin is None or not card.allowed_origins or origin in card.allowed_origins


def is_within_limit(session: "WidgetSession", card: Card) -> bool:
    """Whether the address may open this socket of the project too; each is counted once."""
    if session.is_counted:
        return True
    session.is_counted = True
    limit, now = card.limits.connects_per_address, monotonic()
    return session.node.connects.admit(session.project_id, session.socket.address, limit, now)


def greet(session: "WidgetSession", hello: Hello) -> None:
    """The session will be welcomed or closed, in about two seconds at most."""
    session.node.reached(Step.HELLO_READ)
    session.phase = Phase.GREETED
    session.node.awaited.discard(session)  # the widget has done its part in time;
    session.node.awaited.add(session)  # now the node has as long
    session.node.shelf.ask(
        session.project_id, partial(_card_known, session, hello.device, try_again=True)
    )


def _card_known(
    session: "WidgetSession", device: str | None, answer: CardAnswer, *, try_again: bool
) -> None:
    if session.phase is not Phase.GREETED:
        return
    if answer is NoCard.UNKNOWN:
        session.end(Close.UNKNOWN_PROJECT)
    elif isinstance(answer, NoCard):
        session.end(Close.TRY_AGAIN)
    elif not admits_origin(answer, session.socket.origin):
        # Known already, a foreign origin is refused with 403 at the upgrade; this one came while
        # nobody could say. The table of closes has no code of its own for it.
        session.end(Close.PROTOCOL_ERROR)
    elif not is_within_limit(session, answer):
        session.end(Close.TOO_MANY_REQUESTS)
    else:
        _register(session, device, try_again=try_again)


def _register(session: "WidgetSession", device: str | None, *, try_again: bool) -> None:
    node = session.node
    is_kept = device is not None and node.device_ids.is_certified(session.project_id, device)
    kept = DeviceId(device) if is_kept and device else None
    session.session_id = node.new_session_id()
    session.device_id = kept or node.new_device(session.project_id)
    session.visitor_id = anonymous_visitor(session.device_id)
    session.is_moving = True
    node.records.register(
        session,
        session.visitor_id,
        kept,
        partial(_registered, session, device, try_again=try_again),
    )


def _registered(
    session: "WidgetSession",
    device: str | None,
    result: RegisterResult | None,
    *,
    try_again: bool,
) -> None:
    session.is_moving = False
    if session.phase is not Phase.GREETED:
        session.drop_record()
    elif result is RegisterResult.REGISTERED:
        session.welcomed(session.node.shelf.room(session.project_id))
    elif result is RegisterResult.DEVICE_ENDED:
        _register(session, None, try_again=try_again)
    elif result is RegisterResult.CARD_MISSING and try_again:
        session.node.shelf.is_missing(session.project_id)
        session.node.shelf.ask(
            session.project_id, partial(_card_known, session, device, try_again=False)
        )
    else:
        session.end(Close.TRY_AGAIN)
