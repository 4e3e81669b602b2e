"""Closing what a revocation ended, and telling its receipt how many that were.

Closing never waits for Redis: the worker drops the dead sessions' records by name. The receipt is
answered once no bind of a revoked generation is under way; a close that comes later still (an
outcome that was on its way) adds to the node's answer.
"""

from collections.abc import Callable, Iterable

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
        answer: gives a receipt a number of closes; it is not waited for.
    """

    def __init__(
        self,
        answer: Callable[[ProjectRoom, RotationId, int], None],
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
        closed = 0
        with self._metrics.revoke_seconds.time():
            for generation, members in room.pop_revoked():
                for member in members:
                    member.end(Close.SECRET_REVOKED)
                room.unreported[generation] += len(members)
                closed += len(members)
        if closed:
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
        """A revocation asks: its sessions are being closed, its receipt will be answered."""
        self.raise_epoch(room, epoch)
        if rotation_id is None:
            _pop_within(room, since, epoch)
            return
        room.answers[epoch] = Answer(rotation_id, since)
        for forgotten in sorted(room.answers)[:-REMEMBERED_ROTATIONS]:
            del room.answers[forgotten]
        self.settle(room)

    def closed_late(self, room: ProjectRoom, generation: int) -> None:
        """One more session, bound as its generation was revoked, has been closed."""
        room.unreported[generation] += 1
        self._metrics.revoked.inc()
        self.settle(room)

    def settle(self, room: ProjectRoom) -> None:
        """Each receipt that can be answered is: a close counts for the rotation that caused it."""
        for epoch in sorted(room.answers):
            if _any_below(room.binding, epoch):
                return
            owed = room.answers[epoch]
            closed = _pop_within(room, owed.since, epoch)
            if closed or not owed.given:
                owed.given = True
                self._answer(room, owed.rotation_id, closed)

    def not_answered(self, room: ProjectRoom, rotation_id: RotationId, closed: int) -> None:
        """The receipt did not take the answer; the next `settle` gives it again."""
        for epoch, owed in room.answers.items():
            if owed.rotation_id == rotation_id:
                owed.given = False
                room.unreported[epoch - 1] += closed
                return


def _any_below(generations: Iterable[int], epoch: int) -> bool:
    return any(generation < epoch for generation in generations)


def _pop_within(room: ProjectRoom, since: int, epoch: int) -> int:
    ended = [generation for generation in room.unreported if since <= generation < epoch]
    return sum(room.unreported.pop(generation) for generation in ended)
