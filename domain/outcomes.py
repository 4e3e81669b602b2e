"""What a worker answers a node about one request, and its form on the wire."""

from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import NewType, TypeAlias, Union, get_args, get_origin, get_type_hints

from domain.ids import DeviceId, KeyId, MessageId, RequestId, SessionId, VisitorId
from domain.json_values import JsonObject
from domain.times import from_wire, to_wire


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The token was good: the visitor is marked and committed; the node may bind the session."""

    request_id: RequestId
    session_id: SessionId | None
    device_id: DeviceId | None
    ended_device_id: DeviceId | None
    visitor_id: VisitorId
    custom_id: str
    name: str | None
    email: str | None
    key_id: KeyId
    generation: int
    person_epoch: int
    merged: tuple[VisitorId, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """The request was refused; `retry_after_ms` only where trying again may help."""

    request_id: RequestId
    session_id: SessionId | None
    code: str
    message: str
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The session goes on anonymous with the new device; the one it had, if SQL knew it, has ended.

    `ended_device_id` is missing where there was nothing to end.
    """

    request_id: RequestId
    session_id: SessionId | None
    device_id: DeviceId
    ended_device_id: DeviceId | None
    visitor_id: VisitorId


@dataclass(frozen=True, slots=True)
class Sent:
    """The message stands in its thread, committed; the same answer to the same message again."""

    request_id: RequestId
    session_id: SessionId | None
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class DeviceEnded:
    """Nothing was written: the session's device has ended in SQL, and the widget needs another."""

    request_id: RequestId
    session_id: SessionId | None
    ended_device_id: DeviceId


Outcome: TypeAlias = SignedIn | RefusedRequest | SignedOut | Sent | DeviceEnded

_TYPES: dict[str, type[Outcome]] = {
    "signed_in": SignedIn,
    "refused": RefusedRequest,
    "signed_out": SignedOut,
    "sent": Sent,
    "device_ended": DeviceEnded,
}


def _admitted(hint: object) -> frozenset[type]:
    """The types that a value of such a field may have, taken exactly: a boolean is no integer."""
    if get_origin(hint) in {Union, UnionType}:
        return frozenset().union(*map(_admitted, get_args(hint)))
    if isinstance(hint, NewType):
        return _admitted(hint.__supertype__)
    origin = get_origin(hint) or hint
    return frozenset({origin}) if isinstance(origin, type) else frozenset()


_ADMITTED = {
    kind: {name: _admitted(hint) for name, hint in get_type_hints(kind).items()}
    for kind in _TYPES.values()
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def outcome_to_wire(outcome: Outcome) -> JsonObject:
    """The outcome as a JSON object with a `type`."""
    wire: JsonObject = {"type": _NAMES[type(outcome)]}
    for name in outcome.__slots__:
        value = getattr(outcome, name)
        if isinstance(value, datetime):
            value = to_wire(value)
        wire[name] = list(value) if isinstance(value, tuple) else value
    return wire


def outcome_from_wire(wire: JsonObject) -> Outcome:
    """The outcome that `outcome_to_wire` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    fields = dict(wire)
    kind = _TYPES[str(fields.pop("type"))]
    if kind is SignedIn:
        fields["merged"] = tuple(fields["merged"])  # type: ignore[assignment, arg-type]
        fields["expires_at"] = from_wire(str(fields["expires_at"]))  # type: ignore[assignment]
    outcome = kind(**fields)  # type: ignore[arg-type]
    for name, admitted in _ADMITTED[kind].items():
        if type(getattr(outcome, name)) not in admitted:
            raise TypeError(name)
    return outcome
