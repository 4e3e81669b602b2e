"""Messages: who wrote them, and whose thread a visitor's words belong to. Rules, no I/O.

A socket writes into a person's thread only if it signed in itself; what an anonymous socket says
goes to the anonymous record that its device proves, and to nobody else's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from domain.errors import Invalid
from domain.ids import DeviceId, KeyId, MessageId, ProjectId, RequestId, SessionId, VisitorId
from domain.merging import DeviceRecord, VisitorRecord
from domain.outcomes import DeviceEnded, Outcome, RefusedRequest, Sent
from domain.refusals import Refusal, RefusalCode

MAX_CHARACTERS = 4_000
MAX_CLIENT_ID_CHARACTERS = 128

MessageKey: TypeAlias = tuple[DeviceId, str]


class Author(StrEnum):
    """Who wrote a message."""

    VISITOR = "visitor"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, in the record where it was written.

    `verified_by` and `verified_as` say which key vouched, when it was sent, for which person;
    nothing that happens later changes them.
    """

    id: MessageId
    project_id: ProjectId
    visitor_id: VisitorId
    author: Author
    text: str = field(repr=False)
    sent_at: datetime
    device_id: DeviceId | None = None
    client_id: str | None = None
    agent_name: str | None = None
    verified_by: KeyId | None = None
    verified_as: VisitorId | None = None


@dataclass(frozen=True, slots=True)
class Writing:
    """A visitor's message on its way, and what its socket was when it was said.

    `visitor_id` is whom the socket speaks for: `anonymous_id`, which the device proves, unless it
    signed in itself. `generation` vouches for it; none while anonymous, or once the proof is over.
    `message_id` is an unused id, the larger the later in the batch.
    """

    request_id: RequestId
    session_id: SessionId | None
    project_id: ProjectId
    device_id: DeviceId
    anonymous_id: VisitorId
    visitor_id: VisitorId
    generation: int | None
    person_epoch: int
    client_id: str
    text: str = field(repr=False)
    message_id: MessageId

    @property
    def signed_in(self) -> bool:
        """Whether the socket says that it signed in itself."""
        return self.generation is not None or self.visitor_id != self.anonymous_id


@dataclass(slots=True)
class ThreadRecords:
    """What a batch of messages touches, as loaded under the projects' locks."""

    epochs: dict[ProjectId, int]
    keys: dict[tuple[ProjectId, int], KeyId]
    visitors: dict[VisitorId, VisitorRecord]
    devices: dict[DeviceId, DeviceRecord]
    stored: dict[MessageKey, MessageId]


@dataclass(slots=True)
class ThreadPlan:
    """What storage has to write, each record once, and what each request is answered."""

    visitors: dict[VisitorId, VisitorRecord] = field(default_factory=dict)
    devices: dict[DeviceId, DeviceRecord] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


class MessageInvalid(Invalid):
    """The message is not of a form that can be kept."""

    code = "message_invalid"


def check_text(text: str) -> str:
    """The text, known to be one that both databases keep: 1 to 4,000 characters.

    Raises:
        MessageInvalid: saying what is wrong with it.
    """
    return _check("text", text, MAX_CHARACTERS)


def check_client_id(client_id: str) -> str:
    """The id that a device gave the message, known to be one that both databases keep.

    Raises:
        MessageInvalid: saying what is wrong with it.
    """
    return _check("id", client_id, MAX_CLIENT_ID_CHARACTERS)


def _check(name: str, text: str, most: int) -> str:
    if not 0 < len(text) <= most:
        raise MessageInvalid(f"{name}: give 1 to {most} characters")
    if any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text):
        raise MessageInvalid(f"{name}: NUL characters and halves of surrogate pairs are not kept")
    return text


def plan_messages(writings: Iterable[Writing], records: ThreadRecords, now: datetime) -> ThreadPlan:
    """The plan for a whole batch, as if its messages came one after the other.

    A message that was stored before, by its device and client id, is answered as then.
    """
    plan = ThreadPlan()
    for writing in writings:
        key = (writing.device_id, writing.client_id)
        stored = records.stored.get(key)
        if stored is None:
            outcome = _write(writing, records, plan, now)
        else:
            outcome = Sent(writing.request_id, writing.session_id, stored)
        if isinstance(outcome, Sent):
            records.stored[key] = outcome.message_id
        plan.outcomes.append(outcome)
    return plan


def _write(writing: Writing, records: ThreadRecords, plan: ThreadPlan, now: datetime) -> Outcome:
    if _is_revoked(writing, records):
        return _refused(writing, RefusalCode.KEY_REVOKED)
    thread = _thread_of(writing, records, now)
    if thread is None:
        return DeviceEnded(writing.request_id, writing.session_id, writing.device_id)
    _keep_device(writing, thread, records, plan, now)
    thread = replace(thread, last_message_id=writing.message_id)
    records.visitors[thread.id] = plan.visitors[thread.id] = thread
    plan.messages.append(_message(writing, thread, records, now))
    return Sent(writing.request_id, writing.session_id, writing.message_id)


def _is_revoked(writing: Writing, records: ThreadRecords) -> bool:
    if writing.generation is None:
        return False
    return (
        writing.generation < records.epochs[writing.project_id]
        or (writing.project_id, writing.generation) not in records.keys
    )


def _refused(writing: Writing, code: RefusalCode) -> RefusedRequest:
    refusal = Refusal.of(code)
    return RefusedRequest(writing.request_id, writing.session_id, refusal.code, refusal.message)


def _thread_of(writing: Writing, records: ThreadRecords, now: datetime) -> VisitorRecord | None:
    """The record to write to; None where the device may write nowhere any more."""
    device = records.devices.get(writing.device_id)
    if device and (device.ended_at or device.project_id != writing.project_id):
        return None
    if writing.signed_in:
        return _person_of(writing, device, records)
    record = records.visitors.get(writing.anonymous_id)
    if record is None:
        return VisitorRecord(writing.anonymous_id, writing.project_id, now)
    is_own = record.is_anonymous and record.project_id == writing.project_id
    return record if is_own else None


def _person_of(
    writing: Writing, device: DeviceRecord | None, records: ThreadRecords
) -> VisitorRecord | None:
    person = records.visitors.get(writing.visitor_id)
    if person is None or device is None or device.visitor_id != person.id:
        return None
    is_current = person.custom_id is not None and person.person_epoch == writing.person_epoch
    return person if is_current and person.project_id == writing.project_id else None


def _keep_device(
    writing: Writing,
    thread: VisitorRecord,
    records: ThreadRecords,
    plan: ThreadPlan,
    now: datetime,
) -> None:
    if writing.device_id not in records.devices:
        device = DeviceRecord(writing.device_id, writing.project_id, thread.id, now)
        records.devices[device.id] = plan.devices[device.id] = device


def _message(
    writing: Writing, thread: VisitorRecord, records: ThreadRecords, now: datetime
) -> Message:
    is_verified = writing.generation is not None
    return Message(
        id=writing.message_id,
        project_id=writing.project_id,
        visitor_id=thread.id,
        author=Author.VISITOR,
        text=writing.text,
        sent_at=now,
        device_id=writing.device_id,
        client_id=writing.client_id,
        verified_by=records.keys[writing.project_id, writing.generation or 0]
        if is_verified
        else None,
        verified_as=thread.id if is_verified else None,
    )
