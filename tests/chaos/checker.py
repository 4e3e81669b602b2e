"""Whether a history and what the stores hold keep the guarantees. Pure: no clock, no store."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from domain.signing_secrets import SecretState
from tests.chaos.history import LOST, SIGNED_IN, Attempt, History, Regenerate, SocketLife
from tests.chaos.receipts import wrong_receipts
from tests.chaos.truth import ProjectTruth

FAULT_CODES = frozenset({0, 1006, 1012, 1013})
"""Closes that a fault explains: by the driver itself, cut, restarting, try again."""

REVOKED = 4401

Truth: TypeAlias = Mapping[str, ProjectTruth]


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, and by what."""

    rule: str
    evidence: str


def find_violations(history: History, truth: Truth) -> list[Violation]:
    """Every broken rule; none where all is well."""
    return [
        Violation(rule, evidence)
        for rule, check in RULES.items()
        for evidence in check(history, truth)
    ]


def _no_old_token_succeeds(history: History, truth: Truth) -> Iterator[str]:
    for attempt in history.attempts:
        if attempt.outcome != SIGNED_IN:
            continue
        ends = [r for r in _ends(history, truth, attempt.project, attempt.key_id) if r.answered_at]
        if any(r.answered_at is not None and r.answered_at < attempt.sent_at for r in ends):
            yield f"{attempt}"


def _no_commit_with_a_revoked_key(_history: History, truth: Truth) -> Iterator[str]:
    for project, state in truth.items():
        for key_id, moment in state.verified:
            secret = state.secrets[key_id]
            if secret.revoked_at and moment > secret.revoked_at:
                yield f"{project}: key {key_id} verified at {moment}, revoked {secret.revoked_at}"


def _revoked_sockets_are_closed(history: History, truth: Truth) -> Iterator[str]:
    for socket in history.sockets:
        if socket.code is None and _is_revoked(truth, socket):
            yield f"still open: {socket}"


def _revoked_sockets_close_in_time(history: History, truth: Truth) -> Iterator[str]:
    for socket in history.sockets:
        if not socket.code:
            continue
        answered = [
            r.answered_at
            for r in _ends(history, truth, socket.project, socket.key_id)
            if r.answered_at is not None
        ]
        if answered and socket.closed_at > _due(history, max(min(answered), socket.bound_at)):
            yield f"{socket}"


def _no_dead_session_in_redis(_history: History, truth: Truth) -> Iterator[str]:
    for project, state in truth.items():
        for generation, count in state.held.items():
            if generation is not None and generation < state.epoch and count:
                yield f"{project}: {count} of generation {generation}, epoch {state.epoch}"


def _redis_holds_what_is_open(history: History, truth: Truth) -> Iterator[str]:
    for project, state in truth.items():
        expected = open_by_generation(history, project, state)
        if dict(expected) != {g: n for g, n in state.held.items() if n}:
            yield f"{project}: open {dict(expected)}, in Redis {state.held}"


def open_by_generation(history: History, project: str, state: ProjectTruth) -> Counter[int | None]:
    """How many sockets of each generation the clients hold."""
    return Counter(
        state.generation(socket.key_id)
        for socket in history.sockets
        if socket.project == project and socket.code is None
    )


def _epochs_agree(_history: History, truth: Truth) -> Iterator[str]:
    for project, state in truth.items():
        if state.redis_epoch != state.epoch:
            yield f"{project}: SQL {state.epoch}, Redis {state.redis_epoch}"


def _rotations_complete_in_time(history: History, truth: Truth) -> Iterator[str]:
    for project, state in truth.items():
        for rotation in state.rotations:
            began = history.at(rotation.effective_at or rotation.requested_at)
            if rotation.completed_at is None:
                yield f"{project}: {rotation.id} is {rotation.state}"
            elif history.at(rotation.completed_at) > _due(history, began):
                yield f"{project}: {rotation.id} took until {rotation.completed_at}"
        if state.undone:
            yield f"{project}: {state.undone} events are not done"


def _receipts_say_what_clients_saw(history: History, truth: Truth) -> Iterator[str]:
    for project, state in truth.items():
        yield from wrong_receipts(history, project, state)


def _nothing_acknowledged_is_missing(history: History, truth: Truth) -> Iterator[str]:
    for regenerate in history.regenerates:
        state = truth[regenerate.project]
        if regenerate.answered_at and regenerate.key_id not in state.secrets:
            yield f"{regenerate}"
        if regenerate.rotation_id and regenerate.rotation_id not in {r.id for r in state.rotations}:
            yield f"no rotation: {regenerate}"
    for attempt in history.attempts:
        known = truth[attempt.project].people.get(attempt.custom_id, [])
        if attempt.outcome == SIGNED_IN and known != [attempt.visitor_id]:
            yield f"{attempt}: SQL has {known}"
    for said in history.said:
        if said.message_id not in truth[said.project].message_ids:
            yield f"{said}"


def _good_tokens_meet_faults_only(history: History, truth: Truth) -> Iterator[str]:
    for attempt in history.attempts:
        # Why a socket was closed is another rule's question.
        is_excused = attempt.outcome.startswith(_EXCUSED) or any(
            r.called_at <= attempt.answered_at
            for r in _may_have_ended(history, attempt.project, attempt.key_id)
        )
        if not is_excused and _is_known(truth, attempt):
            yield f"{attempt}"


def _all_is_well_afterwards(history: History, _truth: Truth) -> Iterator[str]:
    for probe in history.probes:
        if probe.outcome != SIGNED_IN or probe.answered_at > _due(history, 0.0):
            yield f"{probe}"


def _closes_have_a_reason(history: History, truth: Truth) -> Iterator[str]:
    for socket in history.sockets:
        if socket.code is None or socket.code in FAULT_CODES:
            continue
        if socket.code != REVOKED or not _was_revoked(truth, socket):
            yield f"{socket}"


RULES: dict[str, Callable[[History, Truth], Iterable[str]]] = {
    "no sign-in sent after its regenerate had answered succeeds": _no_old_token_succeeds,
    "no verification commits after its key's revocation": _no_commit_with_a_revoked_key,
    "no socket of a revoked secret is left open": _revoked_sockets_are_closed,
    "sockets of a revoked secret close in time": _revoked_sockets_close_in_time,
    "no session of a revoked generation is left in Redis": _no_dead_session_in_redis,
    "Redis holds a record for every open socket, and no other": _redis_holds_what_is_open,
    "Redis and SQL agree on every epoch": _epochs_agree,
    "every rotation completes in time": _rotations_complete_in_time,
    "receipts say what the clients saw": _receipts_say_what_clients_saw,
    "nothing acknowledged is missing": _nothing_acknowledged_is_missing,
    "good tokens meet nothing but the faults": _good_tokens_meet_faults_only,
    "good tokens sign in again after the last fault": _all_is_well_afterwards,
    "others' sockets see nothing but the faults": _closes_have_a_reason,
}

_EXCUSED = (SIGNED_IN, LOST, "refused:unavailable", "closed:")


def _ends(history: History, truth: Truth, project: str, key_id: str | None) -> list[Regenerate]:
    """The regenerates that ended this key, as far as their new keys are known."""
    state = truth[project]
    generation = state.generation(key_id)
    if generation is None:
        return []
    return [
        r
        for r in history.regenerates
        if r.project == project and (state.generation(r.key_id) or 0) > generation
    ]


def _may_have_ended(history: History, project: str, key_id: str) -> list[Regenerate]:
    """The regenerates called since this key was made, also those that were never answered."""
    made = next((r for r in history.regenerates if r.key_id == key_id), None)
    since = made.called_at if made else 0.0
    return [
        r
        for r in history.regenerates
        if r.project == project and r is not made and r.called_at > since
    ]


def _due(history: History, began: float) -> float:
    return max(began, history.last_fault_end()) + history.delay_seconds


def _is_known(truth: Truth, attempt: Attempt) -> bool:
    return truth[attempt.project].generation(attempt.key_id) is not None


def _is_revoked(truth: Truth, socket: SocketLife) -> bool:
    state = truth[socket.project]
    generation = state.generation(socket.key_id)
    return generation is not None and generation < state.epoch


def _was_revoked(truth: Truth, socket: SocketLife) -> bool:
    """Whether a key was that vouched for the socket, or was about to."""
    secrets = truth[socket.project].secrets
    known = [secrets[key_id] for key_id in (socket.key_id, socket.tried) if key_id in secrets]
    return any(secret.state is SecretState.REVOKED for secret in known)
