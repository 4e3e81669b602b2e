"""Persons whose sessions were ended: copies from SQL of their epochs, which only grow."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.ids import ProjectId, VisitorId
from storage.redis import keys, scripts
from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import Part, ask_all_async, run
from storage.redis.packing import pack_id

SIGNED_OUT: Final = "signed_out_by_operator"
MERGE_UNDONE: Final = "merge_undone"

RAISED_AT_ONCE = 500
READ_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """No session of the person that carries a lower epoch is valid; `reason` is for its close."""

    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class PersonEpoch:
    """A person, their epoch, and why it was raised to that."""

    visitor_id: VisitorId
    epoch: int
    reason: str


def raise_persons(client: Redis, project_id: ProjectId, raised: Iterable[PersonEpoch]) -> bool:
    """Each person's epoch is at least this; False: there is no card to be compared beside.

    By maximum, so idempotent and in any order. Done in bounded steps.
    """
    raised = list(raised)
    has_card = True
    for start in range(0, len(raised), RAISED_AT_ONCE):
        has_card = _raise_some(client, project_id, raised[start : start + RAISED_AT_ONCE])
    return has_card


async def read_persons(
    client: AsyncRedis, project_id: ProjectId, visitor_ids: Sequence[VisitorId]
) -> dict[VisitorId, EndedSessions]:
    """Those of these persons whose sessions were ever ended.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    slices = [
        visitor_ids[start : start + READ_AT_ONCE]
        for start in range(0, len(visitor_ids), READ_AT_ONCE)
    ]
    replies = await ask_all_async(
        client, (("HMGET", keys.persons(project_id), *map(pack_id, some)) for some in slices)
    )
    values = [value for reply in replies for value in reply]
    return {
        visitor_id: decode_person(value)
        for visitor_id, value in zip(visitor_ids, values, strict=True)
        if value is not None
    }


def decode_person(value: bytes) -> EndedSessions:
    """What `<epoch>:<reason>` says."""
    epoch, _, reason = value.decode().partition(":")
    return EndedSessions(int(epoch), reason)


def _raise_some(client: Redis, project_id: ProjectId, raised: Sequence[PersonEpoch]) -> bool:
    arguments: list[Part] = [secrets.token_hex(8), keys.PERSONS_SECONDS]
    for person in raised:
        arguments += [pack_id(person.visitor_id), f"{person.epoch}:{person.reason}"]
    script_keys = [keys.card(project_id), keys.persons(project_id)]
    has_card: int = run(client, scripts.RAISE_PERSONS, script_keys, arguments)
    return has_card == 1
