"""What a transition of the table comes to in a situation: the plan, derived from its one cell."""

from dataclasses import dataclass, replace

from domain.ids import KeyId
from domain.rotation_announcements import audit_of, events_of
from domain.rotation_dates import When, by_hours, dated, postponed, undated
from domain.rotation_plans import (
    DateMoved,
    NewSecret,
    Order,
    RotationPlan,
    SecretChange,
    Situation,
)
from domain.rotation_table import transition
from domain.rotation_transitions import Command, Dating, Transition
from domain.rotations import Rotation, RotationHow, RotationState
from domain.signing_secrets import SecretState

_ACCEPTED = frozenset({SecretState.ACTIVE, SecretState.RETIRING})


@dataclass(frozen=True, slots=True)
class Asked:
    """What goes with a command, as far as it needs it."""

    order: Order | None = None
    when: When | None = None
    pinned: bool | None = None


def carry_out(situation: Situation, command: Command, asked: Asked | None = None) -> RotationPlan:
    """The plan of the command in this situation; an empty one where it changes nothing.

    Raises:
        Conflict: the table refuses the command in this phase.
        DateInvalid: the date that is asked for is not usable.
        NeverOffline: it is off-hours, and there are none.
    """
    change = transition(situation.phase, command)
    return _Effects(situation, command, change, asked or Asked()).plan()


@dataclass(frozen=True, slots=True)
class _Effects:
    situation: Situation
    command: Command
    change: Transition
    asked: Asked

    def plan(self) -> RotationPlan:
        made, changes = self._made(), self._secret_changes()
        begun, standing = self._begun(), self._standing()
        updated = (standing,) if standing and standing != self.situation.standing else ()
        if not (made or changes or updated):
            return RotationPlan()
        plan = RotationPlan(
            new_secret=made,
            secret_changes=changes,
            updated=updated,
            inserted=begun,
            epoch=self._epoch() if self._epoch() > self.situation.epoch else None,
            moved=self._moved(standing),
        )
        reason = self.asked.order.reason if self.asked.order else None
        return replace(
            plan,
            events=events_of(plan, self.situation.epoch),
            audit=audit_of(plan, self.command, reason),
        )

    def _made(self) -> NewSecret | None:
        if self.change.new is None:
            return None
        return NewSecret(self._order.key_id, self.situation.next_generation, self.change.new)

    def _secret_changes(self) -> tuple[SecretChange, ...]:
        """First what leaves a state, then what enters it."""
        return tuple(
            SecretChange(secret.key_id, after)
            for before, after in self._passages
            if after and (secret := self.situation.find(before))
        )

    @property
    def _passages(self) -> tuple[tuple[SecretState, SecretState | None], ...]:
        return (
            (SecretState.RETIRING, self.change.retiring),
            (SecretState.ACTIVE, self.change.active),
            (SecretState.WAITING, self.change.waiting),
        )

    def _begun(self) -> Rotation | None:
        if self.change.begun is None:
            return None
        rotation = Rotation(
            id=self._order.rotation_id,
            project_id=self.situation.project_id,
            old_key_id=self._old_key_id(),
            new_key_id=self._order.key_id,
            how=RotationHow.NOW,
            state=self.change.begun,
            requested_at=self.situation.now,
            requested_by=self._order.requested_by,
            reason=self._order.reason,
            pinned=bool(self.asked.pinned),
            forced=self.change.unguarded,
        )
        return self._cut(self._with_date(rotation))

    def _old_key_id(self) -> KeyId | None:
        """The secret that goes on retiring, or else the one that was active."""
        retiring, active = (
            self.situation.find(state) for state in (SecretState.RETIRING, SecretState.ACTIVE)
        )
        old = retiring if retiring and self.change.retiring is None else active
        return old.key_id if old else None

    def _standing(self) -> Rotation | None:
        """The rotation under way, as it is afterwards."""
        standing = self.situation.standing
        if standing is None:
            return None
        standing = replace(standing, state=self.change.standing or standing.state)
        if self.change.begun:
            return self._making_room(standing)
        pinned = standing.pinned if self.asked.pinned is None else self.asked.pinned
        forced = standing.forced or self.change.unguarded
        return self._cut(self._with_date(replace(standing, pinned=pinned, forced=forced)))

    def _making_room(self, standing: Rotation) -> Rotation:
        """Another one begins, and the transition's date is that one's."""
        if standing.state is RotationState.CUTTING:
            standing = replace(undated(standing), due_at=self.situation.now)
        return self._cut(standing)

    def _cut(self, rotation: Rotation) -> Rotation:
        if rotation.state is not RotationState.CUTTING:
            return rotation
        return replace(rotation, effective_at=self.situation.now)

    def _with_date(self, rotation: Rotation) -> Rotation:
        calendar = self.situation.calendar
        match self.change.date:
            case Dating.KEPT:
                return rotation
            case Dating.ASKED:
                return dated(rotation, self._when, calendar)
            case Dating.NOW:
                return replace(undated(rotation), due_at=calendar.now)
            case Dating.REMOVED:
                return undated(rotation)
            case Dating.NEXT:
                return postponed(rotation, self.change.because, calendar)
            case Dating.BY_HOURS:
                return by_hours(rotation, calendar)

    def _epoch(self) -> int:
        """The lowest generation that is accepted afterwards."""
        after = dict(self._passages)
        states = [
            (one.generation, after.get(one.state) or one.state) for one in self.situation.living
        ]
        if self.change.new:
            states.append((self.situation.next_generation, self.change.new))
        return min(generation for generation, state in states if state in _ACCEPTED)

    def _moved(self, standing: Rotation | None) -> DateMoved | None:
        before = self.situation.standing
        if not (before and standing and self.change.because):
            return None
        if before.due_at == standing.due_at:
            return None
        because = standing.moved_because or self.change.because
        return DateMoved(standing.id, because, before.due_at, standing.due_at)

    @property
    def _order(self) -> Order:
        if self.asked.order is None:
            raise ValueError(f"{self.command} makes a secret; give its order")
        return self.asked.order

    @property
    def _when(self) -> When:
        if self.asked.when is None:
            raise ValueError(f"{self.command} sets a date; give it")
        return self.asked.when
