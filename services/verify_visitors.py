"""Verifying a batch of visitors' tokens: checked, marked, merged in one commit."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from domain.device_ids import RANDOM_BYTES as DEVICE_RANDOM_BYTES
from domain.device_ids import DeviceIds, anonymous_visitor
from domain.events import EventKind
from domain.ids import (
    UUID7_RANDOM_BYTES,
    DeviceId,
    KeyId,
    ProjectId,
    RequestId,
    SessionId,
    VisitorId,
    uuid7,
)
from domain.json_values import JsonObject
from domain.merging import MergeRecord, PersonChange, Plan, SignIn, plan_sign_ins
from domain.outcomes import Outcome, RefusedRequest, SignedIn
from domain.projects import Project
from domain.refusals import Refusal, RefusalCode, TokenRefused
from domain.tokens.keys import KeyRing
from domain.tokens.verification import VerifiedToken, verify
from services.batches import run_or_split
from services.key_rings import KeyRings, LoadedRings
from services.leaving import note_left
from services.transactions import Transaction, Transactor
from services.unavailable import unavailable
from storage.sql import people, signing_secrets

Epochs: TypeAlias = Mapping[ProjectId, int | None]
_NONE_SEEN: Epochs = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One visitor's wish to sign in; session and device are missing for HTTP."""

    request_id: RequestId
    project_id: ProjectId
    session_id: SessionId | None
    device_id: DeviceId | None
    token: str


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Keys that verified a token, and revoked ones that a refused token was signed with, and when.

    The time is the verifying transaction's: a use noted later must not seem to be one.
    """

    verified: frozenset[KeyId] = frozenset()
    refused: frozenset[KeyId] = frozenset()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What to answer, in the order of the requests, which keys were used, and who is changed.

    `behind` are projects, not halted yet, whose epoch in SQL is behind the one seen in Redis.
    """

    outcomes: list[Outcome]
    key_use: KeyUse
    changes: list[PersonChange] = field(default_factory=list)
    behind: frozenset[ProjectId] = frozenset()


class VisitorVerifier:
    """Verifies batches; safe for any number of workers at once."""

    def __init__(self, transactor: Transactor, key_rings: KeyRings, device_ids: DeviceIds) -> None:
        self._transactor = transactor
        self._key_rings = key_rings
        self._device_ids = device_ids

    def verify(
        self,
        requests: Sequence[VerifyRequest],
        seen: Epochs = _NONE_SEEN,
        seconds_left: float = math.inf,
    ) -> Verified:
        """Every request has its answer, and what the good ones say is committed.

        A project that is halted, or whose epoch SQL has lost, is not looked at: `unavailable`.

        One bad request never fails another; the one that fails alone is answered `unavailable`.

        Args:
            requests: of any projects.
            seen: the projects' epochs in Redis, read before this was called.
            seconds_left: how long whoever asked waits for the answers.
        """
        parts = run_or_split(
            self._transactor,
            requests,
            partial(self._verify, seen=seen),
            _unanswered,
            seconds_left,
        )
        joined = _joined(parts)
        return replace(joined, outcomes=_in_order(requests, joined.outcomes))

    def _verify(
        self,
        transaction: Transaction,
        requests: Sequence[VerifyRequest],
        known: Mapping[ProjectId, Project],
        *,
        seen: Epochs,
    ) -> Verified:
        now = transaction.now
        behind = frozenset(p.id for p in known.values() if _is_behind(p, seen.get(p.id)))
        rings = self._key_rings.load(transaction.db, known, now)
        sign_ins: list[SignIn] = []
        refusals: list[Outcome] = []
        refused_keys: set[KeyId] = set()
        for request in requests:
            if request.project_id in behind or _is_halted(known.get(request.project_id)):
                refusals.append(unavailable(request.request_id, request.session_id))
                continue
            try:
                sign_ins.append(self._check(request, known, rings, now))
            except TokenRefused as refused:
                refusals.append(_refused(request, refused.refusal))
                refused_keys.update(filter(None, [refused.refusal.key_id]))
        plan = plan_sign_ins(sign_ins, people.load_records(transaction.db, sign_ins), now)
        merge_ids = [transaction.new_id() for _ in plan.merges]
        people.apply_plan(transaction.db, plan, merge_ids)
        note_left(transaction, known, plan.left)
        transaction.note_facts(_facts(plan, sign_ins, merge_ids))
        verified = {o.key_id for o in plan.outcomes if isinstance(o, SignedIn)}
        first = rings.unproven & verified
        if first:
            signing_secrets.note_verified(transaction.db, first, now)
        return Verified(
            _in_order(requests, [*plan.outcomes, *refusals]),
            KeyUse(frozenset(verified - first), frozenset(refused_keys), now),
            plan.changes,
            behind,
        )

    def _check(
        self,
        request: VerifyRequest,
        known: Mapping[ProjectId, Project],
        rings: LoadedRings,
        now: datetime,
    ) -> SignIn:
        project = known.get(request.project_id)
        if project is None:
            raise TokenRefused(RefusalCode.KEY_UNKNOWN)
        ring = rings.by_project[project.id]
        token = verify(request.token, ring, project.token_policy, now)
        return self._sign_in(request, token, project, ring, now)

    def _sign_in(
        self,
        request: VerifyRequest,
        token: VerifiedToken,
        project: Project,
        ring: KeyRing,
        now: datetime,
    ) -> SignIn:
        device = request.device_id
        if device is not None and not self._device_ids.is_certified(project.id, device):
            device = None
        claims = token.claims
        return SignIn(
            request_id=request.request_id,
            session_id=request.session_id,
            project_id=project.id,
            device_id=device,
            anonymous_id=anonymous_visitor(device) if device else None,
            new_device_id=self._new_device(project.id, now) if request.session_id else None,
            fresh_id=VisitorId(uuid7(now, os.urandom(UUID7_RANDOM_BYTES))),
            custom_id=token.custom_id,
            name=claims.name,
            email=claims.email,
            attributes=dict(claims.attributes),
            issued_at=claims.issued_at,
            key_id=token.key_id,
            generation=token.generation,
            proof_ends_at=now + timedelta(seconds=project.token_policy.proof_seconds),
            newer_keys=ring.newer_than(token.generation),
        )

    def _new_device(self, project_id: ProjectId, now: datetime) -> DeviceId:
        return self._device_ids.issue(project_id, now, os.urandom(DEVICE_RANDOM_BYTES))


def _is_behind(project: Project, epoch_in_redis: int | None) -> bool:
    return not project.is_halted and (epoch_in_redis or 0) > project.epoch


def _is_halted(project: Project | None) -> bool:
    return project is not None and project.is_halted


def _facts(
    plan: Plan, sign_ins: Iterable[SignIn], merge_ids: Iterable[str]
) -> Iterator[tuple[EventKind, ProjectId, JsonObject]]:
    project_of = {sign_in.request_id: sign_in.project_id for sign_in in sign_ins}
    for outcome in plan.outcomes:
        if isinstance(outcome, SignedIn):
            who: JsonObject = {"visitor_id": outcome.visitor_id, "key_id": outcome.key_id}
            yield EventKind.VISITOR_VERIFIED, project_of[outcome.request_id], who
    for merge_id, merge in zip(merge_ids, plan.merges, strict=True):
        yield EventKind.VISITORS_MERGED, merge.project_id, _merged(merge_id, merge)


def _merged(merge_id: str, merge: MergeRecord) -> JsonObject:
    return {
        "merge_id": merge_id,
        "survivor_id": merge.survivor_id,
        "absorbed_id": merge.absorbed_id,
    }


def _refused(request: VerifyRequest, refusal: Refusal) -> RefusedRequest:
    return RefusedRequest(request.request_id, request.session_id, refusal.code, refusal.message)


def _unanswered(requests: Sequence[VerifyRequest]) -> Verified:
    return Verified([unavailable(r.request_id, r.session_id) for r in requests], KeyUse())


def _in_order(requests: Sequence[VerifyRequest], outcomes: Iterable[Outcome]) -> list[Outcome]:
    by_request = {outcome.request_id: outcome for outcome in outcomes}
    return [by_request[request.request_id] for request in requests]


def _joined(parts: Iterable[Verified]) -> Verified:
    outcomes: list[Outcome] = []
    verified: set[KeyId] = set()
    refused: set[KeyId] = set()
    changes: list[PersonChange] = []
    times: list[datetime] = []
    behind: set[ProjectId] = set()
    for part in parts:
        changes += part.changes
        behind |= part.behind
        times += [part.key_use.at] if part.key_use.at else []
        outcomes += part.outcomes
        verified |= part.key_use.verified
        refused |= part.key_use.refused
    key_use = KeyUse(frozenset(verified), frozenset(refused), min(times, default=None))
    return Verified(outcomes, key_use, changes, frozenset(behind))
