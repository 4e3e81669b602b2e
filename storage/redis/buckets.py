"""Which bucket a live session is kept in. Small packed hashes cost a quarter of a key each."""

import heapq
from dataclasses import dataclass, field

from domain.ids import NodeId, ProjectId

BUCKET_CAPACITY = 200
"""Sessions in a bucket. Up to 512 entries a hash stays packed by the servers' defaults."""

_ANONYMOUS = "anon"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a project: sessions of one generation (None: anonymous) on one node."""

    generation: int | None
    node_id: NodeId
    number: int

    @property
    def name(self) -> str:
        """`<generation|anon>:<node>:<number>`."""
        generation = _ANONYMOUS if self.generation is None else self.generation
        return f"{generation}:{self.node_id}:{self.number}"

    @classmethod
    def parse(cls, name: str) -> "Bucket":
        """The bucket of that name; a node's id may hold colons itself."""
        generation, rest = name.split(":", 1)
        node_id, number = rest.rsplit(":", 1)
        return cls(
            None if generation == _ANONYMOUS else int(generation), NodeId(node_id), int(number)
        )


@dataclass(slots=True)
class _Row:
    """The buckets of one project and generation."""

    taken: dict[int, int] = field(default_factory=dict)
    """Bucket number → sessions in it, never zero."""
    with_room: list[int] = field(default_factory=list)
    """A heap of numbers; those that were emptied meanwhile are passed over when they come up."""
    next_number: int = 0


class BucketAllocator:
    """Gives every session of one node a bucket with room, the lowest first; does no I/O.

    Low buckets fill up again before high ones are touched, so after a peak the high ones empty
    out and go. A number that was emptied is not used again while others of its row stand.
    """

    def __init__(self, node_id: NodeId, capacity: int = BUCKET_CAPACITY) -> None:
        self._node_id = node_id
        self._capacity = capacity
        self._rows: dict[tuple[ProjectId, int | None], _Row] = {}

    def take(self, project_id: ProjectId, generation: int | None) -> Bucket:
        """A bucket with one place less than before."""
        row = self._rows.setdefault((project_id, generation), _Row())
        number = self._number_with_room(row)
        row.taken[number] = row.taken.get(number, 0) + 1
        if row.taken[number] == self._capacity:
            heapq.heappop(row.with_room)
        return Bucket(generation, self._node_id, number)

    def give_back(self, project_id: ProjectId, bucket: Bucket) -> None:
        """The bucket has one place more; its last session gone, it is forgotten.

        Raises:
            KeyError: no place in it was taken.
        """
        row = self._rows[project_id, bucket.generation]
        left = row.taken[bucket.number] - 1
        if left:
            row.taken[bucket.number] = left
            if left == self._capacity - 1:
                heapq.heappush(row.with_room, bucket.number)
            return
        del row.taken[bucket.number]
        if not row.taken:
            del self._rows[project_id, bucket.generation]

    def _number_with_room(self, row: _Row) -> int:
        while row.with_room and row.with_room[0] not in row.taken:
            heapq.heappop(row.with_room)
        if not row.with_room:
            heapq.heappush(row.with_room, row.next_number)
            row.next_number += 1
        return row.with_room[0]
