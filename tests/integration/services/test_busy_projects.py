"""A project that somebody holds for too long keeps no other one: PostgreSQL, which locks by row."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import ProjectBusy, StorageUnavailable
from domain.ids import ProjectId
from domain.outcomes import SignedIn
from domain.projects import Project
from domain.rotation_dates import AtTime
from domain.rotations import Rotation, RotationState
from domain.signing_secrets import SecretState
from services.announce_retirements import SoftCut, announce_retirements
from services.key_rings import KeyRings
from services.publish_cards import publish_card
from services.receipts import ask_nodes, revocation_of
from services.relay_outbox import OWN_HANDS, relay_outbox
from services.rotation_policies import run_due_policies, set_policy
from services.run_due_rotations import run_due_rotations
from services.settle_rotations import settle_rotations
from services.verify_visitors import VisitorVerifier
from storage.redis import publications, receipts
from storage.sql import outbox, projects, rotations, signing_secrets
from tests.integration.scenes import (
    ADMINISTRATOR,
    DEVICES,
    SEALER,
    add_project,
    holding,
    mint,
    request,
    rotate,
)
from tests.integration.services.test_run_due import AFTERNOON, DAY, EVENING, Night, night

__all__ = ["night"]

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

# Of 300, which are had once, and once more where the machine stood still for as long as a project
# is remembered.
SWEEP_MILLISECONDS = 900
A_MOMENT = sa.text("SET LOCAL lock_timeout = '50ms'")


@pytest.fixture
def held(night: Night) -> ProjectId:
    """The first of two projects, which somebody will hold; nobody waits long for a lock."""
    sa.event.listen(night.database.writer, "begin", lambda db: db.execute(A_MOMENT))
    first, night.project_id = night.project_id, add_project(night.stores.transactor)
    rotate(night.stores.transactor, night.project_id)
    return first


def of_both(night: Night, held: ProjectId) -> list[ProjectId]:
    """The project that is held comes first."""
    return [held, night.project_id]


def latest_of(night: Night, project_id: ProjectId) -> Rotation:
    """Its latest rotation."""
    with night.database.reading() as db:
        return rotations.list_rotations(db, project_id, limit=1)[0]


def plan_both(night: Night, held: ProjectId) -> None:
    """Both are in an overlap that ends in the evening; both new secrets are in use."""
    other = night.project_id
    for night.project_id in (held, other):
        night.use(night.plan(AtTime(EVENING)))


def test_other_cuts_are_made(night: Night, held: ProjectId) -> None:
    """The rotation of the project that is held is cut by the next sweep."""
    plan_both(night, held)
    night.now = EVENING

    with holding(night.database, held):
        assert run_due_rotations(night.stores) == 1
    assert latest_of(night, night.project_id).state is RotationState.CUTTING
    assert latest_of(night, held).state is RotationState.OVERLAPPING

    assert run_due_rotations(night.stores) == 1
    assert latest_of(night, held).state is RotationState.CUTTING


def test_other_overlaps_are_announced(night: Night, held: ProjectId) -> None:
    """The one of the project that is held is announced once more."""
    plan_both(night, held)

    with holding(night.database, held):
        announce_retirements(night.stores, SoftCut())

    assert announce_retirements(night.stores, SoftCut()) == 1
    assert announce_retirements(night.stores, SoftCut()) == 0


def test_other_policies_make_their_secrets(night: Night, held: ProjectId) -> None:
    """Whichever comes first by its id."""
    for project_id in of_both(night, held):
        night.stores.transactor.run(lambda t, p=project_id: set_policy(t, p, 30, ADMINISTRATOR))
    night.now = AFTERNOON + 30 * DAY

    for kept in of_both(night, held):
        with holding(night.database, kept):
            run_due_policies(night.stores)

    with night.database.reading() as db:
        secrets = [signing_secrets.list_secrets(db, p)[0] for p in of_both(night, held)]
    assert [secret.state for secret in secrets] == [SecretState.WAITING] * 2


def test_other_events_are_carried_out_and_sent(night: Night, held: ProjectId) -> None:
    """Those that are late by the relay's own hands, those that are not by their tasks."""
    for project_id in of_both(night, held):
        publish_card(night.stores, project_id)
        rotate(night.stores.transactor, project_id)
    night.now += 2 * OWN_HANDS
    recent = add_project(night.stores.transactor)
    rotate(night.stores.transactor, recent)
    night.broker.is_down = True
    rotate(night.stores.transactor, recent)
    night.broker.is_down = False
    night.broker.sent.clear()
    night.now += OWN_HANDS * 0.9

    with holding(night.database, held):
        relay_outbox(night.stores)

    assert undone(night, held) == 1
    assert undone(night, night.project_id) == 0
    assert [payload["project_id"] for _, payload in night.broker.sent] == [recent]


def test_a_sweep_waits_once_for_a_project_however_much_of_it_is_to_be_done(night: Night) -> None:
    """Redis refuses what was revoked all the same; what SQL is told, a later sweep tells it."""
    publish_card(night.stores, night.project_id)
    night.stores.transactor.run(lambda t: set_policy(t, night.project_id, 30, ADMINISTRATOR))
    for _ in range(3):
        rotate(night.stores.transactor, night.project_id)
    night.now += 30 * DAY + 2 * OWN_HANDS
    patience = patience_with_locks(night)

    with holding(night.database, night.project_id):
        relay_outbox(night.stores)
        settle_rotations(night.stores)
        run_due_policies(night.stores)

    assert len(patience) == 4, "three revocations and a policy"
    assert sum(patience) < SWEEP_MILLISECONDS
    assert undone(night, night.project_id) == 3
    [(_, seen)] = publications.read_versions(night.stores.redis, [night.project_id]).items()
    assert seen.epoch == project_of(night).epoch


def patience_with_locks(night: Night) -> list[int]:
    """How many milliseconds each transaction from now on is ready to wait for somebody's lock."""
    milliseconds: list[int] = []

    def note(_db: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        if "'lock_timeout'" in text:
            milliseconds.append(int(parameters["milliseconds"].removesuffix("ms")))

    sa.event.listen(night.database.writer, "before_cursor_execute", note)
    return milliseconds


def test_nodes_are_told_before_a_project_is_waited_for(night: Night) -> None:
    """Also of a revocation that Redis is ahead of: whether SQL has lost one is looked at after."""
    publish_card(night.stores, night.project_id)
    rotate(night.stores.transactor, night.project_id)
    publications.raise_epoch(night.stores.redis, night.project_id, project_of(night).epoch + 1)
    night.now += 2 * OWN_HANDS

    with holding(night.database, night.project_id):
        relay_outbox(night.stores)

    rotation = latest_of(night, night.project_id)
    assert receipts.read(night.stores.redis, night.project_id, rotation.id).is_open
    assert not project_of(night).is_halted
    night.now += DAY
    relay_outbox(night.stores)
    assert project_of(night).is_halted


def project_of(night: Night) -> Project:
    """The project as last committed."""
    with night.database.reading() as db:
        return projects.get_project(db, night.project_id)


def undone(night: Night, project_id: ProjectId) -> int:
    """How many of its events wait."""
    with night.database.reading() as db:
        return len(outbox.list_undone_of(db, [project_id]))


def test_other_receipts_are_settled(night: Night, held: ProjectId) -> None:
    """The one of the project that is held is completed by the next sweep."""
    for project_id in of_both(night, held):
        rotate(night.stores.transactor, project_id)
    night.database.write(lambda db: carry_out_nothing(db, night))
    for project_id in of_both(night, held):
        rotation = latest_of(night, project_id)
        with night.database.reading() as db:
            revocation = revocation_of(db, rotation)
        ask_nodes(night.stores, revocation)

    with holding(night.database, held):
        settle_rotations(night.stores)
    assert latest_of(night, night.project_id).state is RotationState.COMPLETED
    assert latest_of(night, held).state is RotationState.CUTTING

    settle_rotations(night.stores)
    assert latest_of(night, held).state is RotationState.COMPLETED


def carry_out_nothing(db: Connection, night: Night) -> None:
    """The revocations count as carried out: there is no node that had to be told."""
    for _, payload in night.broker.sent:
        outbox.mark_done(db, str(payload["event_id"]), night.now)  # type: ignore[arg-type]


def test_others_of_a_batch_are_answered(night: Night, held: ProjectId) -> None:
    """In order; who belongs to the project that is held may try again."""
    night.now = datetime.now(UTC)
    both = of_both(night, held)
    tokens = {p: mint(rotate(night.stores.transactor, p).secret, "ada") for p in both}
    verifier = VisitorVerifier(night.stores.transactor, KeyRings(SEALER), DEVICES)
    asked = [request(p, tokens[p]) for p in (night.project_id, held, night.project_id)]

    with holding(night.database, held):
        outcomes = verifier.verify(asked).outcomes

    assert [isinstance(outcome, SignedIn) for outcome in outcomes] == [True, False, True]
    assert [o.request_id for o in outcomes] == [r.request_id for r in asked]
    assert outcomes[1].code == "unavailable"


def test_a_lock_is_told_from_a_database_that_does_not_answer(night: Night, held: ProjectId) -> None:
    """Whichever bound a wait for somebody's lock meets, it is the project that is busy."""
    with holding(night.database, held):
        with pytest.raises(ProjectBusy):
            night.database.write(lambda db: projects.lock_project(db, held))
        assert any(is_busy(night, held, milliseconds) for milliseconds in (40, 400, 4_000))


def is_busy(night: Night, held: ProjectId, milliseconds: int) -> bool:
    """Whether a statement that takes longer is told so: one that got as far as to wait."""

    def wait_for(db: Connection) -> None:
        db.exec_driver_sql("SET LOCAL lock_timeout = 0")
        db.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
        projects.lock_project(db, held)

    with pytest.raises(StorageUnavailable) as told:
        night.database.write(wait_for)
    return isinstance(told.value, ProjectBusy)


def test_a_slow_statement_waits_for_nobody(night: Night) -> None:
    """It is the database that does not answer: the others would fare alike."""

    def sleep(db: Connection) -> None:
        db.exec_driver_sql("SET LOCAL statement_timeout = '40ms'")
        db.exec_driver_sql("SELECT pg_sleep(5)")

    with pytest.raises(StorageUnavailable) as slow:
        night.database.write(sleep)
    assert not isinstance(slow.value, ProjectBusy)
