"""What workers tell this node. Signals only hurry: one that is lost or unreadable does no harm."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from time import monotonic
from typing import Any

import structlog

from domain.errors import WidgetAuthError
from domain.ids import ProjectId, RotationId, VisitorId
from domain.outcomes import Outcome, outcome_from_wire
from domain.times import from_wire
from gateway.answers import agent_message, visitor_changed
from gateway.context import NodeContext
from gateway.person_sign_outs import end_person
from gateway.steps import Step
from storage.redis.persons import EndedSessions
from storage.redis.signals import Signal, Subscription

log = structlog.get_logger(__name__)


class SignalInvalid(WidgetAuthError):
    """A signal is not of the expected form; it is passed over."""


async def read_signals(
    node: NodeContext,
    signals: AsyncGenerator[Signal | Subscription, None],
    stands: Callable[[], None],
) -> None:
    """Acts on signals until cancelled; `stands` is called whenever some may have been missed."""
    async with aclosing(signals):
        async for signal in signals:
            if monotonic() >= node.lease.trusted_until:
                node.fence()
            if isinstance(signal, dict):
                _act_on(node, signal)
                continue
            node.hears_signals = signal is Subscription.STANDS
            if node.hears_signals:
                stands()


def _act_on(node: NodeContext, signal: Mapping[str, Any]) -> None:
    kind = str(signal.get("type"))
    try:
        _ACTS.get(kind, _unknown)(node, signal)
    except SignalInvalid:
        log.warning("signal_invalid", type=kind[:32])
    except Exception:
        log.exception("signal_failed", type=kind[:32])  # the next one is another matter


def _outcomes(node: NodeContext, signal: Mapping[str, Any]) -> None:
    batch_id, wires = signal.get("batch_id"), signal.get("outcomes")
    if not isinstance(batch_id, str) or not isinstance(wires, list):
        raise SignalInvalid
    outcomes = [outcome for wire in wires if (outcome := _read_outcome(wire)) is not None]
    strays = node.verifications.settle(batch_id, outcomes)
    strays = node.sign_outs.settle(batch_id, strays)
    for stray in node.messages.settle(batch_id, strays):
        node.metrics.strays.inc()
        session = node.by_id.get(stray.session_id) if stray.session_id else None
        if session is not None:
            session.note_stray(stray)


def _read_outcome(wire: Any) -> Outcome | None:
    try:
        return outcome_from_wire(wire)
    except (KeyError, TypeError, ValueError):
        log.warning("outcome_invalid")
        return None


def _revoke(node: NodeContext, signal: Mapping[str, Any]) -> None:
    epoch, since, rotation_id = (
        signal.get("epoch"),
        signal.get("since", 0),
        signal.get("rotation_id"),
    )
    if type(epoch) is not int or type(since) is not int or not isinstance(rotation_id, str | None):
        raise SignalInvalid
    rotation = RotationId(rotation_id) if rotation_id else None
    node.reached(Step.REVOCATION_HEARD)
    node.revocations.asked(node.shelf.room(_project_id(signal)), epoch, rotation, since)


def _card(node: NodeContext, signal: Mapping[str, Any]) -> None:
    node.shelf.card_changed(_project_id(signal))


def _sign_out(node: NodeContext, signal: Mapping[str, Any]) -> None:
    epoch = signal.get("epoch")
    if type(epoch) is not int:
        raise SignalInvalid
    room = node.shelf.rooms.get(_project_id(signal))
    if room is not None:
        ended = EndedSessions(epoch, _text(signal, "reason"))
        end_person(room, VisitorId(_text(signal, "visitor_id")), ended)


def _message(node: NodeContext, signal: Mapping[str, Any]) -> None:
    """An agent's words go to every socket of the thread."""
    agent = signal.get("from")
    if not isinstance(agent, dict):
        raise SignalInvalid
    name, text = _text(agent, "name"), _text(signal, "text")
    frame = agent_message(_text(signal, "message_id"), name, text, _text(signal, "at"))
    visitor_id, is_person = VisitorId(_text(signal, "visitor_id")), signal.get("is_person")
    room = node.shelf.rooms.get(_project_id(signal))
    if room is not None:
        for session in room.threads.readers(visitor_id, is_person=is_person is True):
            session.socket.send(frame)


def _visitor(node: NodeContext, signal: Mapping[str, Any]) -> None:
    """The person's other sockets hear of the change; the one that brought it knows."""
    visitor = signal.get("visitor")
    if not isinstance(visitor, dict):
        raise SignalInvalid
    visitor_id = VisitorId(_text(visitor, "id"))
    facts = (visitor.get(name) for name in ("custom_id", "name", "email"))
    told = partial(visitor_changed, visitor_id, *facts)
    room = node.shelf.rooms.get(_project_id(signal))
    if room is not None:
        for session in room.threads.readers(visitor_id, is_person=True):
            if session.session_id != signal.get("session_id"):
                session.socket.send(told(authenticated=session.proof is not None))


def _retiring(node: NodeContext, signal: Mapping[str, Any]) -> None:
    """Sessions of the retiring secret are asked for a fresh token, one after the other."""
    generation, spread = signal.get("generation"), signal.get("spread_seconds")
    if type(generation) is not int or not isinstance(spread, int | float):
        raise SignalInvalid
    try:
        deadline = from_wire(_text(signal, "deadline"))
    except ValueError:
        raise SignalInvalid from None
    room = node.shelf.rooms.get(_project_id(signal))
    if room is not None:
        node.retirements.ask(room.sessions_of(generation), generation, deadline, spread)


def _unknown(_node: NodeContext, _signal: Mapping[str, Any]) -> None:
    raise SignalInvalid


def _project_id(signal: Mapping[str, Any]) -> ProjectId:
    project_id = signal.get("project_id")
    if not isinstance(project_id, str):
        raise SignalInvalid
    return ProjectId(project_id)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise SignalInvalid
    return value


_ACTS = {
    "outcomes": _outcomes,
    "revoke": _revoke,
    "card": _card,
    "sign_out": _sign_out,
    "message": _message,
    "visitor": _visitor,
    "retiring": _retiring,
}
