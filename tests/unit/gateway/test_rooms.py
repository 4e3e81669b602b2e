"""Epochs, revocations and receipts of one project on one node; limits; closes."""

import json
from collections import Counter
from time import monotonic

import pytest

from domain.cards import Card, Limits
from domain.ids import ProjectId, RotationId
from gateway.closes import Close
from gateway.connect_limits import ConnectLimits
from gateway.metrics import Metrics
from gateway.project_rooms import Answer, ProjectRoom
from gateway.revocations import REMEMBERED_ROTATIONS, Revocations

PROJECT = ProjectId("p")


class Member:
    """A session, as far as its room knows."""

    def __init__(self, generation: int | None, told: list[str]) -> None:
        self.generation = generation
        self.closes: list[Close] = []
        self._told = told

    def say_last(self, close: Close) -> None:
        """Its widget knows."""
        self._told.append(close.reason)

    def end(self, close: Close) -> None:
        """Closed."""
        self.closes.append(close)
        self._told.append("ended")


class Receipts:
    """Takes answers as Redis does, or loses what became of them."""

    def __init__(self) -> None:
        self.revocations: Revocations | None = None
        self.taken: dict[tuple[str, str], int] = {}
        self.answers = 0
        self.is_heard = True

    @property
    def closed(self) -> Counter[str]:
        """The closes that each rotation's receipt counts."""
        closed: Counter[str] = Counter()
        for (rotation_id, _), count in self.taken.items():
            closed[rotation_id] += count
        return closed

    def __call__(self, room: ProjectRoom, owed: Answer) -> None:
        """One answer."""
        assert room.project_id == PROJECT
        assert self.revocations is not None
        self.answers += 1
        self.taken[owed.rotation_id, owed.answer_id] = owed.closed
        if self.is_heard:
            self.revocations.answered(room, owed, owed.closed)
        else:
            self.revocations.not_answered(owed)


@pytest.fixture
def receipts() -> Receipts:
    """Empty."""
    return Receipts()


@pytest.fixture
def revocations(receipts: Receipts) -> Revocations:
    """Answering those receipts."""
    receipts.revocations = Revocations(receipts, Metrics())
    return receipts.revocations


def a_room(*generations: int | None) -> tuple[ProjectRoom, list[Member]]:
    """A room with a session of each generation."""
    room = ProjectRoom(PROJECT, 0.0)
    told: list[str] = []
    members = [Member(generation, told) for generation in generations]
    for member in members:
        room.add(member)
    return room, members


def test_only_generations_below_the_epoch_are_closed(revocations: Revocations) -> None:
    """Anonymous sessions and those at the epoch stay members."""
    room, (first, second, third, anonymous) = a_room(1, 2, 3, None)

    assert revocations.raise_epoch(room, 3) == 2

    assert first.closes == second.closes == [Close.SECRET_REVOKED]
    assert third.closes == anonymous.closes == []
    assert room.live == 2


def test_every_widget_hears_of_it_before_a_session_is_put_away(revocations: Revocations) -> None:
    """Of whatever generation: the last widget waits for the others' frames alone."""
    room = ProjectRoom(PROJECT, 0.0)
    told: list[str] = []
    for generation in (1, 1, 2):
        room.add(Member(generation, told))

    revocations.raise_epoch(room, 3)

    assert told == ["secret_revoked"] * 3 + ["ended"] * 3


def test_the_epoch_only_grows(revocations: Revocations) -> None:
    """Neither a late signal nor an older card lowers it."""
    room, _ = a_room()
    revocations.raise_epoch(room, 5)
    revocations.raise_epoch(room, 3)
    revocations.take_card(room, Card(PROJECT, 2, 1))

    assert room.epoch == 5
    assert not room.accepts(4)
    assert room.accepts(5)


def test_the_newer_card_stays(revocations: Revocations) -> None:
    """By its revision; its epoch counts whatever the revision."""
    room, _ = a_room()
    revocations.take_card(room, Card(PROJECT, 1, 7))
    revocations.take_card(room, Card(PROJECT, 4, 6))

    assert room.card == Card(PROJECT, 1, 7)
    assert room.epoch == 4


def test_an_answer_waits_for_binds_under_way(revocations: Revocations, receipts: Receipts) -> None:
    """Those of the revoked generations only, and their closes are in it."""
    room, _ = a_room(1)
    room.bind_begun(1)
    room.bind_begun(2)

    revocations.asked(room, 2, RotationId("r"))
    assert receipts.answers == 0

    room.bind_over(1)
    revocations.closed_late(room, 1)
    assert receipts.closed == {"r": 2}
    assert receipts.answers == 1


def test_a_close_after_the_answer_adds_to_it(revocations: Revocations, receipts: Receipts) -> None:
    """For the rotation that revoked its generation, not for a later one."""
    room, _ = a_room()
    revocations.asked(room, 2, RotationId("first"))
    revocations.asked(room, 3, RotationId("second"))

    revocations.closed_late(room, 1)
    revocations.closed_late(room, 2)

    assert receipts.closed == {"first": 1, "second": 1}


def test_an_answer_is_given_until_it_is_known_to_be_taken(
    revocations: Revocations, receipts: Receipts
) -> None:
    """It may have been taken in spite of the silence: given again, it counts once."""
    room, _ = a_room(1, 1)
    receipts.is_heard = False
    revocations.asked(room, 2, RotationId("r"))
    revocations.closed_late(room, 1)
    assert not room.is_idle

    receipts.is_heard = True
    revocations.settle(room)
    revocations.settle(room)

    assert receipts.closed == {"r": 3}
    assert receipts.answers == 3
    assert room.is_idle


def test_a_revocation_that_asks_again_has_the_same_answer(
    revocations: Revocations, receipts: Receipts
) -> None:
    """No close is lost or counted twice, and a receipt that was lost is whole again."""
    room, _ = a_room(1, 1)
    for _ in range(3):
        revocations.asked(room, 2, RotationId("r"), since=1)
    assert receipts.closed == {"r": 2}
    assert receipts.answers == 3

    receipts.taken.clear()
    revocations.closed_late(room, 1)
    revocations.asked(room, 2, RotationId("r"), since=1)

    assert receipts.closed == {"r": 3}
    assert len(receipts.taken) == 1


def test_closes_that_no_receipt_has_heard_of_keep_their_room(revocations: Revocations) -> None:
    """A sweep may find the epoch raised before the revocation asks, in a room long unused."""
    room, (member,) = a_room(1)
    room.last_used = long_ago = monotonic() - 3_600
    revocations.raise_epoch(room, 1)
    assert room.last_used == long_ago

    revocations.raise_epoch(room, 2)
    room.remove(member)
    assert room.last_used > long_ago

    room.last_used = long_ago
    revocations.closed_late(room, 1)
    assert room.last_used > long_ago


def test_closes_that_come_while_an_answer_is_on_its_way_follow_it(
    revocations: Revocations, receipts: Receipts
) -> None:
    """One answer at a time; the next one says all."""
    on_their_way: list[tuple[Answer, int]] = []
    late = Revocations(lambda _, owed: on_their_way.append((owed, owed.closed)), Metrics())
    room, _ = a_room(1)
    late.asked(room, 2, RotationId("r"))
    late.closed_late(room, 1)
    late.asked(room, 2, RotationId("r"))
    assert [closed for _, closed in on_their_way] == [1]

    late.answered(room, *on_their_way[0])

    assert [closed for _, closed in on_their_way] == [1, 2]


def test_answers_that_are_owed_are_never_forgotten(
    revocations: Revocations, receipts: Receipts
) -> None:
    """Of those given, some of the latest are kept for closes that come late."""
    room, _ = a_room(1)
    receipts.is_heard = False
    revocations.asked(room, 2, RotationId("owed"))
    receipts.is_heard = True
    room.answers[2].is_on_its_way = True
    for epoch in range(3, 30):
        revocations.asked(room, epoch, RotationId(str(epoch)))

    assert 2 in room.answers
    assert len(room.answers) <= REMEMBERED_ROTATIONS + 2


def test_a_revocation_without_a_rotation_has_no_receipt(
    revocations: Revocations, receipts: Receipts
) -> None:
    """It closes all the same."""
    room, (member,) = a_room(1)
    revocations.asked(room, 2, None)

    assert member.closes == [Close.SECRET_REVOKED]
    assert receipts.answers == 0


def test_every_close_is_of_the_contracts_table() -> None:
    """Codes and reasons; the reason is JSON that fits a close frame."""
    told = {}
    for close in Close:
        frame = close.frame()
        assert frame[0] == 0x88
        assert frame[1] == len(frame) - 2 <= 125
        reason = json.loads(frame[4:])
        told[reason["code"]] = (int.from_bytes(frame[2:4], "big"), "retry_after_ms" in reason)

    assert told == {
        "secret_revoked": (4401, True),
        "signed_out_by_operator": (4403, True),
        "merge_undone": (4403, True),
        "protocol_error": (4400, False),
        "unknown_project": (4404, False),
        "hello_timeout": (4408, False),
        "too_many_requests": (4429, True),
        "restarting": (1012, True),
        "try_again": (1013, True),
    }


def test_connects_are_counted_by_project_and_address() -> None:
    """An IPv6 customer is a /64; a mapped IPv4 address is itself; windows end."""
    limits = ConnectLimits()
    assert [limits.admit("p", "192.0.2.1", 2, 0.0) for _ in range(3)] == [True, True, False]
    assert limits.admit("q", "192.0.2.1", 2, 0.0)
    assert limits.admit("p", "192.0.2.2", 2, 0.0)
    assert not limits.admit("p", "::ffff:192.0.2.1", 2, 0.0)
    assert limits.admit("p", "2001:db8::1", 1, 0.0)
    assert not limits.admit("p", "2001:db8::2", 1, 0.0)
    assert limits.admit("p", "2001:db8:0:1::2", 1, 0.0)
    assert not limits.admit("p", "192.0.2.1", 2, 59.9)
    assert limits.admit("p", "192.0.2.1", 2, 60.0)


def test_a_flood_of_addresses_takes_nobodys_budget() -> None:
    """However many there are, whoever comes next has a counter of their own."""
    limits = ConnectLimits(max_counted=10)
    admitted = sum(limits.admit("p", f"192.0.2.{n}", 1, 0.0) for n in range(200))

    assert admitted == 200
    assert limits.admit("p", "198.51.100.1", 1, 0.0)
    assert not limits.admit("p", "198.51.100.1", 1, 0.0)


def test_projects_that_are_not_held_share_their_addresss_budget() -> None:
    """Naming others, made up or not, gives nobody more; projects that are held have their own."""
    limits = ConnectLimits()
    admitted = sum(limits.admit_to_unheld("192.0.2.1", 0.0) for _ in range(2_000))

    assert admitted == Limits().connects_per_address
    assert limits.admit_to_unheld("192.0.2.2", 0.0)
    assert limits.admit("p", "192.0.2.1", 1, 0.0)
