"""Live sessions as workers see them: counted, listed, dropped by the name of their bucket.

Nothing here is done in one sweep: a project of a million sessions has 5,000 buckets, and Redis
serves everybody else between the steps.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from domain.ids import NodeId, ProjectId, RotationId, SessionId, VisitorId
from storage.redis import keys, leases, scripts
from storage.redis.buckets import Bucket
from storage.redis.client import Redis
from storage.redis.exchange import ask, ask_all, run
from storage.redis.packing import unpack_id

NAMES_AT_ONCE = 500
"""Bucket names read, or buckets counted, in one step."""

DROPPED_AT_ONCE = 100
"""Buckets dropped in one step: about 20,000 sessions, a third of a millisecond."""

LISTED_AT_ONCE = 20
"""Buckets read in one step: about 4,000 sessions."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A live session. `generation` is the secret's that vouches for it, None while anonymous."""

    session_id: SessionId
    visitor_id: VisitorId
    generation: int | None
    node_id: NodeId


def drop_generations(
    client: Redis,
    project_id: ProjectId,
    epoch: int,
    rotation_id: RotationId | None,
    *,
    since: int = 0,
) -> int:
    """No session of a generation from `since` to below the epoch is left; how many were dropped.

    They are added to the receipt's `targeted` in the same step that drops them, so that it stays
    right when this is repeated after a failure. The card's epoch has to be raised before, else new
    ones may come behind this call's back.
    """
    receipt = keys.receipt(project_id, rotation_id) if rotation_id else None
    return _drop(client, project_id, partial(_is_within, since, epoch), receipt)


def drop_node(client: Redis, node_id: NodeId) -> int:
    """Nothing is left of a dead node; returns how many sessions this call dropped.

    A node whose lease stands is left alone. One that comes back meanwhile is left alone from the
    next step on; what it wrote during that step it writes again a sweep later.
    """

    def is_dead() -> bool:
        return not leases.is_alive(client, node_id)

    lease, projects = keys.lease(node_id), keys.node_projects(node_id)
    dropped = 0
    for member in ask(client, "SMEMBERS", projects):
        project_id = ProjectId(member.decode())
        condemned = partial(_is_of, node_id)
        dropped += _drop(client, project_id, condemned, None, while_true=is_dead)
        if not run(client, scripts.FORGET_PROJECT, [lease, projects], [member]):
            return dropped
    leases.forget(client, node_id)
    return dropped


def list_projects(client: Redis, nodes: Iterable[NodeId]) -> set[ProjectId]:
    """The projects that these nodes have had sessions of."""
    held = ask_all(client, (("SMEMBERS", keys.node_projects(node)) for node in nodes))
    return {ProjectId(member.decode()) for members in held for member in members}


def count_by_generation(client: Redis, project_id: ProjectId) -> dict[int | None, int]:
    """How many sessions each generation vouches for; under None the anonymous ones."""
    counts: Counter[int | None] = Counter()
    for buckets in _scan_buckets(client, project_id):
        lengths = ask_all(
            client, (("HLEN", keys.bucket(project_id, bucket.name)) for bucket in buckets)
        )
        for bucket, length in zip(buckets, lengths, strict=True):
            counts[bucket.generation] += length
    return {generation: count for generation, count in counts.items() if count}


def list_sessions(client: Redis, project_id: ProjectId) -> Iterator[StoredSession]:
    """The project's sessions, unordered; one that moves meanwhile may come twice or never."""
    for buckets in _scan_buckets(client, project_id):
        for some in _slices(buckets, LISTED_AT_ONCE):
            yield from _read_buckets(client, project_id, some)


def _read_buckets(
    client: Redis, project_id: ProjectId, buckets: list[Bucket]
) -> Iterator[StoredSession]:
    contents = ask_all(
        client, (("HGETALL", keys.bucket(project_id, bucket.name)) for bucket in buckets)
    )
    for bucket, stored in zip(buckets, contents, strict=True):
        for session, visitor in stored.items():
            yield StoredSession(
                SessionId(unpack_id(session)),
                VisitorId(unpack_id(visitor)),
                bucket.generation,
                bucket.node_id,
            )


def _drop(
    client: Redis,
    project_id: ProjectId,
    condemned: Callable[[Bucket], bool],
    receipt: str | None,
    while_true: Callable[[], bool] = lambda: True,
) -> int:
    """How many sessions were dropped, step by step while it may go on."""
    dropped = 0
    for buckets in _scan_buckets(client, project_id):
        for some in _slices(list(filter(condemned, buckets)), DROPPED_AT_ONCE):
            if not while_true():
                return dropped
            dropped += _drop_buckets(client, project_id, some, receipt)
    return dropped


def _drop_buckets(
    client: Redis, project_id: ProjectId, buckets: list[Bucket], receipt: str | None
) -> int:
    names = [bucket.name for bucket in buckets]
    script_keys = [keys.buckets(project_id), *(keys.bucket(project_id, name) for name in names)]
    if receipt:
        script_keys.append(receipt)
    dropped: int = run(client, scripts.DROP_BUCKETS, script_keys, [keys.RECEIPT_SECONDS, *names])
    return dropped


def _scan_buckets(client: Redis, project_id: ProjectId) -> Iterator[list[Bucket]]:
    """All buckets that stand throughout, some at a time; one that comes meanwhile may be missed."""
    cursor = None
    while cursor != 0:
        cursor, names = ask(
            client, "SSCAN", keys.buckets(project_id), cursor or 0, "COUNT", NAMES_AT_ONCE
        )
        # A scan may name a bucket twice; it is counted once.
        yield [Bucket.parse(name.decode()) for name in dict.fromkeys(names)]


def _slices(buckets: list[Bucket], size: int) -> Iterator[list[Bucket]]:
    for start in range(0, len(buckets), size):
        yield buckets[start : start + size]


def _is_within(since: int, epoch: int, bucket: Bucket) -> bool:
    return bucket.generation is not None and since <= bucket.generation < epoch


def _is_of(node_id: NodeId, bucket: Bucket) -> bool:
    return bucket.node_id == node_id
