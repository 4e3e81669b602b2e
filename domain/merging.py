"""Who a verified token speaks of, and what becomes of the anonymous record: rules, no I/O.

A batch of verified sign-ins and the records they touch go in, a plan comes out. Only a verified
token merges; a known person is never merged with another known one; depth is one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from domain.ids import DeviceId, KeyId, MessageId, ProjectId, RequestId, SessionId, VisitorId
from domain.json_values import JsonObject
from domain.outcomes import Outcome, RefusedRequest, SignedIn
from domain.refusals import Refusal, RefusalCode

PersonKey: TypeAlias = tuple[ProjectId, str]


@dataclass(frozen=True, slots=True)
class VisitorRecord:
    """A visitor as merging sees it. One with a custom ID is a person; one without, anonymous."""

    id: VisitorId
    project_id: ProjectId
    created_at: datetime
    custom_id: str | None = None
    name: str | None = None
    email: str | None = None
    attributes: JsonObject | None = None
    authenticated_at: datetime | None = None
    authenticated_by: KeyId | None = None
    person_epoch: int = 0
    not_before: datetime | None = None
    merged_into: VisitorId | None = None
    last_message_id: MessageId | None = None
    epoch_raised_at: datetime | None = None
    left_at: datetime | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether it may still become somebody's."""
        return self.custom_id is None and self.merged_into is None


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device id that has a row: whose record it writes to, and until when it did."""

    id: DeviceId
    project_id: ProjectId
    visitor_id: VisitorId
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """An anonymous record absorbed by a person."""

    project_id: ProjectId
    survivor_id: VisitorId
    absorbed_id: VisitorId
    request_id: RequestId
    merged_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """One verified token and the socket it came over.

    `anonymous_id` is the record that the device's id proves; `new_device_id` (none
    without a socket) and `fresh_id` are unused ids that the plan may hand out. `newer_keys` are
    accepted as well, and will be when the token's own key is not any more.
    """

    request_id: RequestId
    session_id: SessionId | None
    project_id: ProjectId
    device_id: DeviceId | None
    anonymous_id: VisitorId | None
    new_device_id: DeviceId | None
    fresh_id: VisitorId
    custom_id: str
    name: str | None
    email: str | None
    attributes: JsonObject
    issued_at: datetime | None
    key_id: KeyId
    generation: int
    proof_ends_at: datetime
    newer_keys: frozenset[KeyId] = frozenset()


@dataclass(slots=True)
class Records:
    """The records that a batch touches, as loaded under the projects' locks."""

    people: dict[PersonKey, VisitorRecord] = field(default_factory=dict)
    visitors: dict[VisitorId, VisitorRecord] = field(default_factory=dict)
    devices: dict[DeviceId, DeviceRecord] = field(default_factory=dict)
    undone: frozenset[tuple[VisitorId, VisitorId]] = frozenset()


@dataclass(frozen=True, slots=True)
class PersonChange:
    """A known person whose signed name or e-mail is another now, and the session that said so."""

    person: VisitorRecord
    session_id: SessionId | None


@dataclass(slots=True)
class Plan:
    """What storage has to write, each record once, and what each request is answered.

    `left` are persons whose device somebody else has now: they have signed out there.
    """

    visitors: dict[VisitorId, VisitorRecord] = field(default_factory=dict)
    merges: list[MergeRecord] = field(default_factory=list)
    devices: dict[DeviceId, DeviceRecord] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    changes: list[PersonChange] = field(default_factory=list)
    left: set[tuple[ProjectId, VisitorId]] = field(default_factory=set)


def plan_sign_ins(sign_ins: Iterable[SignIn], records: Records, now: datetime) -> Plan:
    """The plan for a whole batch, as if its sign-ins came one after the other.

    `records` is brought forward as the batch proceeds, so that two devices of one person in one
    batch meet.
    """
    plan = Plan()
    for sign_in in sign_ins:
        person = records.people.get((sign_in.project_id, sign_in.custom_id))
        if person and is_superseded(person.not_before, sign_in.issued_at):
            plan.outcomes.append(_refused(sign_in))
        else:
            _admit(sign_in, person, records, plan, now)
    return plan


def is_superseded(not_before: datetime | None, issued_at: datetime | None) -> bool:
    """Whether a sign-out everywhere came after the token was made (no leeway; no `iat`: always)."""
    return not_before is not None and (issued_at is None or issued_at <= not_before)


def _refused(sign_in: SignIn) -> RefusedRequest:
    refusal = Refusal.of(RefusalCode.TOKEN_SUPERSEDED)
    return RefusedRequest(sign_in.request_id, sign_in.session_id, refusal.code, refusal.message)


def _admit(
    sign_in: SignIn, known: VisitorRecord | None, records: Records, plan: Plan, now: datetime
) -> None:
    anonymous = _anonymous_of(sign_in, records, now)
    person = _mark(known or _new_person(sign_in, anonymous, now), sign_in, now)
    _keep_visitor(person, records, plan)
    if known and (known.name, known.email) != (person.name, person.email):
        plan.changes.append(PersonChange(person, sign_in.session_id))
    absorbed: tuple[VisitorId, ...] = ()
    if known and anonymous and (known.id, anonymous.id) not in records.undone:
        absorbed = (anonymous.id,)
        _absorb(anonymous, person, sign_in, records, plan, now)
    _exchange_device(sign_in, anonymous, person, records, plan, now)
    plan.outcomes.append(_signed_in(sign_in, person, absorbed))


def _anonymous_of(sign_in: SignIn, records: Records, now: datetime) -> VisitorRecord | None:
    """The anonymous record that this device may bring along, if it has one."""
    if sign_in.device_id is None or sign_in.anonymous_id is None:
        return None
    device = records.devices.get(sign_in.device_id)
    record = records.visitors.get(sign_in.anonymous_id)
    if device and (device.ended_at or device.project_id != sign_in.project_id):
        return None
    if record:
        belongs = record.is_anonymous and record.project_id == sign_in.project_id
        return record if belongs else None
    if device:  # a person's device that nobody has written with since
        return None
    return VisitorRecord(sign_in.anonymous_id, sign_in.project_id, now)


def _new_person(sign_in: SignIn, anonymous: VisitorRecord | None, now: datetime) -> VisitorRecord:
    base = anonymous or VisitorRecord(sign_in.fresh_id, sign_in.project_id, now)
    return replace(base, custom_id=sign_in.custom_id)


def _mark(person: VisitorRecord, sign_in: SignIn, now: datetime) -> VisitorRecord:
    """The person with what the token signed; what it does not mention stays as signed before."""
    signed = replace(
        person,
        name=sign_in.name if sign_in.name is not None else person.name,
        email=sign_in.email if sign_in.email is not None else person.email,
        attributes=sign_in.attributes or person.attributes,
    )
    if _has_newer_proof(person, sign_in, now):
        return signed
    return replace(signed, authenticated_at=now, authenticated_by=sign_in.key_id)


def _has_newer_proof(person: VisitorRecord, sign_in: SignIn, now: datetime) -> bool:
    """Whether the person's proof stands and will, when the token's own key is revoked."""
    since, key_id = person.authenticated_at, person.authenticated_by
    if since is None or key_id not in sign_in.newer_keys:
        return False
    ends = filter(None, (person.epoch_raised_at, person.left_at))
    is_signed_out = any(end >= since for end in ends)
    return not is_signed_out and now - since < sign_in.proof_ends_at - now


def _keep_visitor(record: VisitorRecord, records: Records, plan: Plan) -> None:
    records.visitors[record.id] = plan.visitors[record.id] = record
    if record.custom_id is not None:
        records.people[record.project_id, record.custom_id] = record


def _absorb(
    anonymous: VisitorRecord,
    person: VisitorRecord,
    sign_in: SignIn,
    records: Records,
    plan: Plan,
    now: datetime,
) -> None:
    """The anonymous record is read through the person from now on, its messages included."""
    _keep_visitor(replace(anonymous, merged_into=person.id), records, plan)
    last = max(filter(None, [person.last_message_id, anonymous.last_message_id]), default=None)
    _keep_visitor(replace(person, last_message_id=last), records, plan)
    plan.merges.append(
        MergeRecord(sign_in.project_id, person.id, anonymous.id, sign_in.request_id, now)
    )


def _exchange_device(
    sign_in: SignIn,
    anonymous: VisitorRecord | None,
    person: VisitorRecord,
    records: Records,
    plan: Plan,
    now: datetime,
) -> None:
    """The old device id has ended where it was; the new one belongs to the person."""
    if sign_in.device_id is not None:
        old = records.devices.get(sign_in.device_id)
        if old is None and anonymous is not None:
            old = DeviceRecord(sign_in.device_id, sign_in.project_id, anonymous.id, now)
        if old is not None and old.ended_at is None:
            _keep_device(replace(old, ended_at=now), records, plan)
            if old.visitor_id not in (person.id, anonymous and anonymous.id):
                plan.left.add((old.project_id, old.visitor_id))
    if sign_in.new_device_id is not None:
        new = DeviceRecord(sign_in.new_device_id, sign_in.project_id, person.id, now)
        _keep_device(new, records, plan)


def _keep_device(device: DeviceRecord, records: Records, plan: Plan) -> None:
    records.devices[device.id] = plan.devices[device.id] = device


def _signed_in(sign_in: SignIn, person: VisitorRecord, merged: Sequence[VisitorId]) -> SignedIn:
    return SignedIn(
        request_id=sign_in.request_id,
        session_id=sign_in.session_id,
        device_id=sign_in.new_device_id,
        ended_device_id=sign_in.device_id,
        visitor_id=person.id,
        custom_id=sign_in.custom_id,
        name=person.name,
        email=person.email,
        key_id=sign_in.key_id,
        generation=sign_in.generation,
        person_epoch=person.person_epoch,
        merged=tuple(merged),
        expires_at=sign_in.proof_ends_at,
    )
