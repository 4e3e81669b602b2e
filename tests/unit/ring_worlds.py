"""A project's secrets and rotations in memory: plans are written as storage would write them.

It refuses what the database refuses, at every step: two secrets in one state, a generation twice;
and what must never be: a state that goes back, a rotation that cuts twice, an epoch that falls.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from domain.events import EventKind
from domain.ids import KeyId, ProjectId, RotationId
from domain.operating_hours import OperatingHours
from domain.rotation_dates import AtTime, OffHours, When
from domain.rotation_plans import (
    AuditWords,
    DateMoved,
    NewSecret,
    Order,
    PlannedEvent,
    RotationPlan,
    SecretChange,
    Situation,
)
from domain.rotation_rules import cancel, plan_rotation, regenerate, schedule_by_policy
from domain.rotation_transitions import Phase
from domain.rotations import Rotation, RotationState
from domain.signing_secrets import SecretState, SigningSecret
from tests.unit.hours_made_up import every_day

PROJECT = ProjectId("p")
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
CLOSING = NOON + timedelta(hours=6)
SHOP = every_day(("09:00", "18:00"))

_SECRET_STATES = list(SecretState)
_FINAL = {RotationState.COMPLETED, RotationState.SUPERSEDED}
_WAYS = {
    (RotationState.SCHEDULED, RotationState.OVERLAPPING),
    (RotationState.SCHEDULED, RotationState.CANCELLED),
    (RotationState.SCHEDULED, RotationState.SUPERSEDED),
    (RotationState.OVERLAPPING, RotationState.CUTTING),
    (RotationState.OVERLAPPING, RotationState.CANCELLED),
    (RotationState.OVERLAPPING, RotationState.SUPERSEDED),
    (RotationState.CANCELLED, RotationState.OVERLAPPING),
    (RotationState.CANCELLED, RotationState.CUTTING),
}


class World:
    """One project, in UTC and open from nine to six unless told otherwise; it is noon."""

    def __init__(self, hours: OperatingHours | None = SHOP, zone: str = "UTC") -> None:
        self.now, self.hours, self.zone = NOON, hours, ZoneInfo(zone)
        self.epoch = 1
        self.secrets: dict[KeyId, SigningSecret] = {}
        self.rotations: dict[RotationId, Rotation] = {}
        self.events: list[PlannedEvent] = []
        self.audits: list[AuditWords] = []
        self.moves: list[DateMoved] = []
        self._numbers = count(1)

    @classmethod
    def in_phase(cls, phase: Phase, when: When | None = None) -> "World":
        """A project that has come to this phase, its rotation planned for off-hours."""
        world = cls()
        if phase is not Phase.EMPTY:
            world.do(regenerate(world.situation(), world.order()))
        if phase is Phase.WAITING:
            world.do(schedule_by_policy(world.situation(), world.order(), when or OffHours()))
        elif phase not in {Phase.EMPTY, Phase.STEADY}:
            world.do(plan_rotation(world.situation(), world.order(), when or OffHours()))
        if phase in {Phase.USED, Phase.CANCELLED_USED}:
            world.use(world.active)
        if phase in {Phase.CANCELLED_UNUSED, Phase.CANCELLED_USED}:
            world.do(cancel(world.situation(), world.latest.id))
        world.events.clear()
        world.audits.clear()
        return world

    def situation(self) -> Situation:
        """What storage would load."""
        return Situation(
            project_id=PROJECT,
            epoch=self.epoch,
            secrets=tuple(self.secrets.values()),
            rotations=tuple(self.rotations.values()),
            now=self.now,
            hours=self.hours,
            zone=self.zone,
        )

    def order(self, reason: str | None = None) -> Order:
        """The next ids: k1 and r1, then k2 and r2."""
        number = next(self._numbers)
        return Order(KeyId(f"k{number}"), RotationId(f"r{number}"), "ada", reason)

    def do(self, plan: RotationPlan) -> RotationPlan:
        """The plan stands."""
        for change in plan.secret_changes:
            self._change(change)
        if plan.new_secret:
            self._insert(plan.new_secret)
        for rotation in plan.updated:
            self._update(rotation)
        if plan.inserted:
            assert plan.inserted.id not in self.rotations
            self.rotations[plan.inserted.id] = plan.inserted
        if plan.epoch is not None:
            assert plan.epoch > self.epoch
            self.epoch = plan.epoch
        self.events += plan.events
        self.audits += [plan.audit] if plan.audit else []
        self.moves += [plan.moved] if plan.moved else []
        return plan

    def use(self, key_id: KeyId) -> None:
        """A token of that secret was verified just now."""
        assert self.secrets[key_id].state in {SecretState.ACTIVE, SecretState.RETIRING}
        self.secrets[key_id] = replace(self.secrets[key_id], last_verified_at=self.now)

    def settle(self) -> None:
        """Every receipt is complete."""
        for rotation in list(self.rotations.values()):
            if rotation.state is RotationState.CUTTING:
                self.rotations[rotation.id] = replace(
                    rotation, state=RotationState.COMPLETED, completed_at=self.now
                )

    @property
    def active(self) -> KeyId:
        """The secret that is active."""
        return next(key for key, one in self.secrets.items() if one.state is SecretState.ACTIVE)

    @property
    def latest(self) -> Rotation:
        """The rotation that was asked for last."""
        return list(self.rotations.values())[-1]

    @property
    def states(self) -> str:
        """The states of all secrets by generation: w, a, r, and x for revoked."""
        letters = {"waiting": "w", "active": "a", "retiring": "r", "revoked": "x"}
        return "".join(letters[one.state] for one in self.secrets.values())

    def kinds(self) -> list[EventKind]:
        """The kinds of all events so far."""
        return [event.kind for event in self.events]

    def _change(self, change: SecretChange) -> None:
        secret = self.secrets[change.key_id]
        assert _SECRET_STATES.index(change.state) > _SECRET_STATES.index(secret.state)
        revoked_at = self.now if change.state is SecretState.REVOKED else None
        self.secrets[change.key_id] = replace(secret, state=change.state, revoked_at=revoked_at)
        self._check_unique()

    def _insert(self, new: NewSecret) -> None:
        assert new.generation == len(self.secrets) + 1
        assert new.key_id not in self.secrets
        self.secrets[new.key_id] = SigningSecret(
            key_id=new.key_id,
            project_id=PROJECT,
            generation=new.generation,
            state=new.state,
            sealed="sealed",
            last_four="4444",
            created_at=self.now,
            created_by="ada",
        )
        self._check_unique()

    def _check_unique(self) -> None:
        living = [one.state for one in self.secrets.values() if one.revoked_at is None]
        assert len(living) == len(set(living))

    def _update(self, rotation: Rotation) -> None:
        before = self.rotations[rotation.id]
        assert before.state not in _FINAL | {RotationState.CUTTING}
        assert rotation.state is before.state or (before.state, rotation.state) in _WAYS
        assert before.effective_at is None
        assert (rotation.effective_at == self.now) == (rotation.state is RotationState.CUTTING)
        self.rotations[rotation.id] = rotation


def at(hours: float) -> AtTime:
    """So many hours after noon."""
    return AtTime(NOON + timedelta(hours=hours))


def pending(world: World) -> Iterator[Rotation]:
    """The rotations that still wait for their cut."""
    for rotation in world.rotations.values():
        if rotation.state in {RotationState.SCHEDULED, RotationState.OVERLAPPING}:
            yield rotation
