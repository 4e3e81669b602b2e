"""Closing what a revocation ended, and telling its receipt how many that were.

Closing never waits for Redis: the worker drops the dead sessions' records by name. The receipt is
answered once no bind of a revoked generation is under way; a close that comes later still (an
outcome that was on its way) adds to the node's answer.
"""

from collections.abc import Callable, Iterable
from time import monotonic

import structlog

from domain.cards import Card
from domain.ids import RotationId
from gateway.closes import Close
from gateway.metrics import Metrics
from gateway.project_rooms import Answer, ProjectRoom

log = structlog.get_logger(__name__)

REMEMBERED_ROTATIONS = 8


class Revocations:
    """Raises epochs on this node.

    Args:
        answer: gives a receipt its answer, as it is now; it is not waited for, and then
            `answered` or `not_answered` is called.
    """

    def __init__(
        self,
        answer: Callable[[ProjectRoom, Answer], None],
        metrics: Metrics,
    ) -> None:
        self._answer = answer
        self._metrics = metrics

    def raise_epoch(self, room: ProjectRoom, epoch: int) -> int:
        """The node's epoch is at least this, and every session below it is being closed.

        Returns:
            How many were closed now.
        """
        room.epoch = max(room.epoch, epoch)
        with self._metrics.revoke_seconds.time():
            closed = _end_revoked(room)
        if closed:
            room.last_used = monotonic()  # its receipt may ask later: an idle room would not know
            self._metrics.revoked.inc(closed)
            log.info(
                "revoked_sessions_closed",
                project_id=room.project_id,
                epoch=room.epoch,
                closed=closed,
            )
        return closed

    def learn_epoch(self, room: ProjectRoom, epoch: int | None) -> None:
        """The node knows the epoch that Redis spoke of, if it spoke of one."""
        if epoch is not None and epoch > room.epoch:
            self.raise_epoch(room, epoch)

    def take_card(self, room: ProjectRoom, card: Card) -> None:
        """The room has the card, and its epoch."""
        room.take_card(card)
        self.learn_epoch(room, card.epoch)

    def asked(
        self, room: ProjectRoom, epoch: int, rotation_id: RotationId | None, since: int = 0
    ) -> None:
        """A revocation asks: its sessions are being closed, its receipt will be answered.

        Asked again, the receipt is given the same answer again: it may have been lost.
        """
        self.raise_epoch(room, epoch)
        if rotation_id is None:
            _pop_within(room, since, epoch)
            return
        owed = room.answers.get(epoch)
        if owed is None or owed.rotation_id != rotation_id:
            room.answers[epoch] = Answer(rotation_id, since)
            _forget_oldest(room)
        else:
            owed.told = None
        self.settle(room)

    def closed_late(self, room: ProjectRoom, generation: int) -> None:
        """One more session, bound as its generation was revoked, has been closed."""
        room.unreported[generation] += 1
        self._metrics.revoked.inc()
        room.last_used = monotonic()
        self.settle(room)

    def settle(self, room: ProjectRoom) -> None:
        """Each receipt that can be answered is: a close counts for the rotation that caused it."""
        for epoch in sorted(room.answers):
            if _any_below(room.binding, epoch):
                return
            owed = room.answers[epoch]
            owed.closed += _pop_within(room, owed.since, epoch)
            if owed.is_owed and not owed.is_on_its_way:
                owed.is_on_its_way = True
                self._answer(room, owed)

    def answered(self, room: ProjectRoom, owed: Answer, closed: int) -> None:
        """The receipt has taken so many closes; those that came meanwhile are on their way."""
        owed.is_on_its_way = False
        owed.told = closed
        if owed.is_owed:
            self.settle(room)

    def not_answered(self, owed: Answer) -> None:
        """Nobody knows whether the receipt took the answer; the next `settle` gives it again."""
        owed.is_on_its_way = False
        owed.told = None


def _end_revoked(room: ProjectRoom) -> int:
    """How many sessions below the room's epoch there were.

    Every widget hears of it before the first session is put away, which takes as long again.
    """
    revoked = room.pop_revoked()
    ended = [member for members in revoked.values() for member in members]
    for member in ended:
        member.say_last(Close.SECRET_REVOKED)
    for member in ended:
        member.end(Close.SECRET_REVOKED)
    for generation, members in revoked.items():
        room.unreported[generation] += len(members)
    return len(ended)


def _forget_oldest(room: ProjectRoom) -> None:
    given = sorted(epoch for epoch, answer in room.answers.items() if not answer.is_owed)
    for epoch in given[:-REMEMBERED_ROTATIONS]:
        del room.answers[epoch]


def _any_below(generations: Iterable[int], epoch: int) -> bool:
    return any(generation < epoch for generation in generations)


def _pop_within(room: ProjectRoom, since: int, epoch: int) -> int:
    ended = [generation for generation in room.unreported if since <= generation < epoch]
    return sum(room.unreported.pop(generation) for generation in ended)
