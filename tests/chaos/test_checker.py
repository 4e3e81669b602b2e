"""The checker sees what is wrong in a history, rule by rule, and nothing in a right one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import KeyId, NodeId, ProjectId, RotationId
from domain.receipts import NodeCounts, SessionCounts
from domain.rotations import Rotation, RotationState
from domain.signing_secrets import SecretState, SigningSecret
from tests.chaos.checker import find_violations
from tests.chaos.history import SIGNED_IN, Attempt, FaultSpan, History, Regenerate, Said, SocketLife
from tests.chaos.truth import ProjectTruth

SHOP = "shop"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(1_000_000 + seconds, UTC)


def _secret(number: int, revoked: float | None = None) -> SigningSecret:
    return SigningSecret(
        key_id=KeyId(f"key-{number}"),
        project_id=ProjectId(SHOP),
        generation=number,
        state=SecretState.ACTIVE if revoked is None else SecretState.REVOKED,
        sealed="",
        last_four="abcd",
        created_at=_moment(0),
        created_by="tests",
        revoked_at=None if revoked is None else _moment(revoked),
    )


def _right() -> tuple[History, dict[str, ProjectTruth]]:
    """Key 1 lives until 10; a sign-in under way then succeeds and is closed; key 2 is used."""
    history = History(wall_offset=1_000_000)
    history.regenerates = [
        Regenerate(SHOP, 0.0, 1.0, "key-1", None),
        Regenerate(SHOP, 9.5, 10.5, "key-2", "rotation"),
    ]
    history.attempts = [
        Attempt(SHOP, "key-1", "gateway-1", "ada", 9.9, 10.7, SIGNED_IN, "visitor"),
        Attempt(SHOP, "key-1", "gateway-1", "ada", 11.0, 11.1, "refused:key_revoked"),
        Attempt(SHOP, "key-2", "gateway-1", "ada", 12.0, 12.1, SIGNED_IN, "visitor"),
        Attempt(SHOP, "key-2", "gateway-1", "ada", 12.2, 12.3, "refused:unavailable"),
    ]
    history.sockets = [
        SocketLife(SHOP, "gateway-1", "one", 9.0, "key-1", 10.7, 10.8, 4401, presented={"key-1"}),
        SocketLife(SHOP, "gateway-1", "two", 9.0, "key-2", 12.1, presented={"key-1", "key-2"}),
        SocketLife(SHOP, "gateway-1", "anonymous", 9.0),
    ]
    history.faults = [FaultSpan("pause", "beat", 9.0, 10.0)]
    history.said = [Said(SHOP, "message")]
    history.probes = [Attempt(SHOP, "key-2", "gateway-1", "ada", 20, 20.1, SIGNED_IN, "visitor")]
    rotation = Rotation(
        id=RotationId("rotation"),
        project_id=ProjectId(SHOP),
        old_key_id=KeyId("key-1"),
        new_key_id=KeyId("key-2"),
        how="now",
        state=RotationState.COMPLETED,
        requested_at=_moment(10),
        requested_by="tests",
        effective_at=_moment(10),
        completed_at=_moment(11),
        sessions=SessionCounts(targeted=2, closed=1, gone=1),
        nodes=NodeCounts(asked=2, answered=1, expired=(NodeId("gateway-2"),)),
    )
    secrets = {secret.key_id: secret for secret in (_secret(1, revoked=10), _secret(2))}
    truth = ProjectTruth(
        epoch=2,
        secrets=dict(secrets),
        rotations=[rotation],
        undone=0,
        verified=[("key-1", _moment(9.99)), ("key-2", _moment(12))],
        people={"ada": ["visitor"]},
        message_ids={"message"},
        redis_epoch=2,
        held={2: 1, None: 1},
    )
    return history, {SHOP: truth}


def test_a_right_history_has_no_violation() -> None:
    """Overlap, fault and refusals are nothing wrong."""
    assert find_violations(*_right()) == []


def _old_token(history: History, _shop: ProjectTruth) -> None:
    history.attempts[0].sent_at = 10.6


def _late_commit(_history: History, shop: ProjectTruth) -> None:
    shop.verified[0] = ("key-1", _moment(10.001))


def _left_open(history: History, _shop: ProjectTruth) -> None:
    history.sockets[0].code = None


def _closed_late(history: History, _shop: ProjectTruth) -> None:
    history.sockets[0].closed_at = 26.0


def _left_in_redis(_history: History, shop: ProjectTruth) -> None:
    shop.held[1] = 1


def _forgotten_by_redis(_history: History, shop: ProjectTruth) -> None:
    shop.held = {2: 1}


def _redis_ahead(_history: History, shop: ProjectTruth) -> None:
    shop.redis_epoch = 3


def _never_completed(_history: History, shop: ProjectTruth) -> None:
    shop.rotations = [replace(shop.rotations[0], completed_at=None, state=RotationState.CUTTING)]


def _completed_late(_history: History, shop: ProjectTruth) -> None:
    late = _moment(10) + timedelta(seconds=15.1)
    shop.rotations = [replace(shop.rotations[0], completed_at=late)]


def _event_not_done(_history: History, shop: ProjectTruth) -> None:
    shop.undone = 1


def _receipt(shop: ProjectTruth, targeted: int, closed: int, gone: int) -> None:
    counts = SessionCounts(targeted=targeted, closed=closed, gone=gone)
    shop.rotations = [replace(shop.rotations[0], sessions=counts)]


def _close_not_in_receipt(_history: History, shop: ProjectTruth) -> None:
    _receipt(shop, targeted=2, closed=0, gone=2)


def _closes_nobody_saw(_history: History, shop: ProjectTruth) -> None:
    _receipt(shop, targeted=2, closed=2, gone=0)


def _sessions_nobody_had(_history: History, shop: ProjectTruth) -> None:
    _receipt(shop, targeted=3, closed=1, gone=2)


def _receipt_does_not_add_up(_history: History, shop: ProjectTruth) -> None:
    _receipt(shop, targeted=2, closed=1, gone=0)


def _node_not_named(_history: History, shop: ProjectTruth) -> None:
    shop.rotations = [replace(shop.rotations[0], nodes=NodeCounts(asked=2, answered=1))]


def _secret_lost(history: History, _shop: ProjectTruth) -> None:
    history.regenerates.append(Regenerate(SHOP, 13.0, 14.0, "key-3", None))


def _person_lost(_history: History, shop: ProjectTruth) -> None:
    shop.people = {}


def _person_twice(_history: History, shop: ProjectTruth) -> None:
    shop.people = {"ada": ["visitor", "another"]}


def _message_lost(_history: History, shop: ProjectTruth) -> None:
    shop.message_ids.clear()


def _good_token_refused(history: History, _shop: ProjectTruth) -> None:
    history.attempts[3].outcome = "refused:key_revoked"


def _anonymous_closed(history: History, shop: ProjectTruth) -> None:
    history.sockets[2].code = 4401
    shop.held = {2: 1}


def _good_key_closed(history: History, shop: ProjectTruth) -> None:
    history.sockets[1].code = 4401
    shop.held = {None: 1}


def _never_well_again(history: History, _shop: ProjectTruth) -> None:
    history.probes[0].outcome = "refused:unavailable"


BREACHES: dict[Callable[[History, ProjectTruth], None], str] = {
    _old_token: "no sign-in sent after its regenerate had answered succeeds",
    _late_commit: "no verification commits after its key's revocation",
    _left_open: "no socket of a revoked secret is left open",
    _closed_late: "sockets of a revoked secret close in time",
    _left_in_redis: "no session of a revoked generation is left in Redis",
    _forgotten_by_redis: "Redis holds a record for every open socket, and no other",
    _redis_ahead: "Redis and SQL agree on every epoch",
    _never_completed: "every rotation completes in time",
    _completed_late: "every rotation completes in time",
    _event_not_done: "every rotation completes in time",
    _close_not_in_receipt: "receipts say what the clients saw",
    _closes_nobody_saw: "receipts say what the clients saw",
    _sessions_nobody_had: "receipts say what the clients saw",
    _receipt_does_not_add_up: "receipts say what the clients saw",
    _node_not_named: "receipts say what the clients saw",
    _secret_lost: "nothing acknowledged is missing",
    _person_lost: "nothing acknowledged is missing",
    _person_twice: "nothing acknowledged is missing",
    _message_lost: "nothing acknowledged is missing",
    _good_token_refused: "good tokens meet nothing but the faults",
    _anonymous_closed: "others' sockets see nothing but the faults",
    _good_key_closed: "others' sockets see nothing but the faults",
    _never_well_again: "good tokens sign in again after the last fault",
}


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.__name__.strip("_"))
def test_each_breach_is_seen(breach: Callable[[History, ProjectTruth], None]) -> None:
    """One thing wrong in a right history is told under its rule."""
    history, truth = _right()
    breach(history, truth[SHOP])
    assert BREACHES[breach] in {violation.rule for violation in find_violations(history, truth)}
