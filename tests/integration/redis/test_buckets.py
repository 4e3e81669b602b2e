"""Buckets are filled, refilled and forgotten without asking Redis."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import NodeId, ProjectId
from storage.redis.buckets import Bucket, BucketAllocator

NODE = NodeId("node")
ONE, OTHER = ProjectId("one"), ProjectId("other")


def test_a_bucket_is_filled_before_the_next_begins() -> None:
    """Two hundred sessions each."""
    allocator = BucketAllocator(NODE)
    numbers = Counter(allocator.take(ONE, 3).number for _ in range(450))
    assert numbers == {0: 200, 1: 200, 2: 50}


def test_a_place_given_back_is_taken_again() -> None:
    """In the lowest bucket first."""
    allocator = BucketAllocator(NODE, capacity=2)
    buckets = [allocator.take(ONE, None) for _ in range(6)]
    allocator.give_back(ONE, buckets[4])
    allocator.give_back(ONE, buckets[1])

    assert [allocator.take(ONE, None).number for _ in range(3)] == [0, 2, 3]


def test_an_emptied_bucket_is_not_begun_again_while_another_has_room() -> None:
    """Half empty buckets are filled first."""
    allocator = BucketAllocator(NODE, capacity=2)
    buckets = [allocator.take(ONE, None) for _ in range(3)]
    for bucket in buckets[:2]:
        allocator.give_back(ONE, bucket)

    assert [allocator.take(ONE, None).number for _ in range(2)] == [1, 2]


def test_projects_and_generations_do_not_share_buckets() -> None:
    """Each has a row of its own."""
    allocator = BucketAllocator(NODE, capacity=1)
    allocator.take(ONE, 1)

    assert allocator.take(ONE, 2) == Bucket(2, NODE, 0)
    assert allocator.take(ONE, None) == Bucket(None, NODE, 0)
    assert allocator.take(OTHER, 1) == Bucket(1, NODE, 0)
    assert allocator.take(ONE, 1) == Bucket(1, NODE, 1)


def test_nothing_is_kept_of_what_was_emptied() -> None:
    """A node that lives for months does not grow by the projects it has seen."""
    allocator = BucketAllocator(NODE)
    buckets = [(project, allocator.take(project, None)) for project in (ONE, OTHER) * 300]
    for project, bucket in buckets:
        allocator.give_back(project, bucket)
    assert not allocator._rows


def test_a_place_that_was_not_taken_is_not_given_back() -> None:
    """It would make room for a session too many."""
    allocator = BucketAllocator(NODE)
    with pytest.raises(KeyError):
        allocator.give_back(ONE, Bucket(None, NODE, 0))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=200))
def test_no_bucket_is_ever_overfull_and_none_begun_without_need(
    steps: list[tuple[int, int]],
) -> None:
    """Whatever comes and goes: a bucket is begun only when all others are full."""
    capacity = 3
    allocator = BucketAllocator(NODE, capacity)
    live: dict[int, list[Bucket]] = {0: [], 1: [], 2: []}
    for action, generation in steps:
        held = live[generation]
        if action < 5 or not held:
            before = Counter(held)
            bucket = allocator.take(ONE, generation)
            full = all(count == capacity for count in before.values())
            assert before[bucket] < capacity
            assert bucket in before or full
            held.append(bucket)
        else:
            allocator.give_back(ONE, held.pop(action % len(held)))


@pytest.mark.parametrize("generation", [None, 0, 12])
@pytest.mark.parametrize("node", ["n", "pod-1:8400", "a:b:c"])
def test_a_name_says_which_bucket_it_is(generation: int | None, node: str) -> None:
    """Also of a node whose id holds colons."""
    bucket = Bucket(generation, NodeId(node), 7)
    assert Bucket.parse(bucket.name) == bucket
