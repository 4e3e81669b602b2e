"""While somebody holds a project, batches of it and others answer the others, and hold nothing."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from domain.ids import ProjectId
from domain.outcomes import Outcome, RefusedRequest, SignedIn
from services.key_rings import KeyRings
from services.verify_visitors import VerifyRequest, VisitorVerifier
from storage.sql import projects
from storage.sql.engine import Database
from tests.integration.scenes import (
    DEVICES,
    SEALER,
    add_project,
    holding,
    is_unavailable,
    mint,
    open_transactor,
    request,
    rotate,
)
from tests.waiting import SECONDS, somebody_waits_for_a_lock, wait_until

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

NODE_GIVES_UP_SECONDS = 5.0
# Batches wait for a second at most. A machine that stood still for as long has them try again.
ATTEMPTS = 3
UNKNOWN = ProjectId("01900000-0000-7000-8000-000000000000")


class Worker:
    """One process's verifier."""

    def __init__(self, database: Database) -> None:
        transactor, _ = open_transactor(database)
        self._verifier = VisitorVerifier(transactor, KeyRings(SEALER), DEVICES)

    def verify(
        self, *asked: VerifyRequest, seconds_left: float = NODE_GIVES_UP_SECONDS
    ) -> list[Outcome]:
        """The answers."""
        return self._verifier.verify(asked, seconds_left=seconds_left).outcomes


@dataclass
class Shops:
    """Two projects; the one whose id is higher will be held."""

    database: Database
    free: ProjectId
    held: ProjectId
    tokens: dict[ProjectId, str]

    def ask(self, *of: ProjectId) -> list[VerifyRequest]:
        """One request for each."""
        return [request(project_id, self.tokens[project_id]) for project_id in of]

    def renew(self) -> None:
        """The one that will be held has a secret, and a token of it, once more."""
        transactor, _ = open_transactor(self.database)
        self.tokens[self.held] = mint(rotate(transactor, self.held).secret, "ada")


@pytest.fixture
def shops(database: Database) -> Shops:
    """Both have a secret."""
    transactor, _ = open_transactor(database)
    both = [add_project(transactor) for _ in range(2)]
    tokens = {p: mint(rotate(transactor, p).secret, "ada") for p in both}
    free, held = sorted(both)
    return Shops(database, free, held, tokens)


def of_project(
    project_id: ProjectId, asked: Sequence[VerifyRequest], got: Sequence[Outcome]
) -> list[bool]:
    """Of its requests, in order, which ones were answered that they have signed in."""
    assert [one.request_id for one in got] == [one.request_id for one in asked]
    return [
        isinstance(outcome, SignedIn)
        for one, outcome in zip(asked, got, strict=True)
        if one.project_id == project_id
    ]


def test_two_workers_answer_those_of_other_projects(shops: Shops) -> None:
    """However their batches meet: neither keeps from the other what it does not use."""
    assert any(two_workers_answer(shops) for _ in range(ATTEMPTS))


def two_workers_answer(shops: Shops) -> bool:
    """Whether all that could be was answered, while somebody held the other project."""

    def work(worker: Worker) -> list[bool]:
        signed_in: list[bool] = []
        for _ in range(3):
            asked = shops.ask(shops.free, shops.held)
            signed_in += of_project(shops.free, asked, worker.verify(*asked))
        return signed_in

    with holding(shops.database, shops.held), ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(work, [Worker(shops.database), Worker(shops.database)]))
    return answers == [[True] * 3] * 2


def test_batches_that_come_one_after_another_are_answered_while_somebody_waits(
    shops: Shops,
) -> None:
    """One worker, three batches sent at once: also the third before its node has given up."""
    assert any(seconds_for_three(shops) < NODE_GIVES_UP_SECONDS for _ in range(ATTEMPTS))


def seconds_for_three(shops: Shops) -> float:
    """How long a new worker takes for three batches; free again, the project is had at once."""
    worker = Worker(shops.database)
    asked = shops.ask(shops.held, shops.free)

    with holding(shops.database, shops.held):
        began = time.monotonic()
        answers = [of_project(shops.free, asked, worker.verify(*asked)) for _ in range(3)]
        seconds = time.monotonic() - began

    assert answers == [[True]] * 3
    assert of_project(shops.held, asked, worker.verify(*asked)) == [True]
    return seconds


def test_a_project_that_is_held_is_not_taken_for_unknown(shops: Shops) -> None:
    """Its visitors may try again; those of a project that does not exist are refused."""
    asked = [*shops.ask(shops.free, shops.held), request(UNKNOWN, shops.tokens[shops.free])]

    with holding(shops.database, shops.held):
        outcomes = Worker(shops.database).verify(*asked, seconds_left=0.2)

    assert isinstance(outcomes[0], SignedIn)
    assert [o.code for o in outcomes[1:] if isinstance(o, RefusedRequest)] == [
        "unavailable",
        "key_unknown",
    ]


@pytest.mark.parametrize("beside", [True, False], ids=["beside another", "alone"])
def test_what_was_revoked_while_it_was_waited_for_signs_nobody_in(
    shops: Shops, *, beside: bool
) -> None:
    """Secrets and epoch are those that stand once the project's lock is held."""
    for _ in range(ATTEMPTS):
        asked = shops.ask(*([shops.free] if beside else []), shops.held)
        outcomes = answers_after_revoking(shops, asked)
        if not is_unavailable(outcomes[-1]):
            break
        shops.renew()

    assert of_project(shops.held, asked, outcomes) == [False]
    assert isinstance(outcomes[-1], RefusedRequest)
    assert outcomes[-1].code == "key_revoked"


def answers_after_revoking(shops: Shops, asked: Sequence[VerifyRequest]) -> list[Outcome]:
    """To a batch that waited for a project while somebody who held it revoked its secrets."""
    revoke = "UPDATE signing_secrets SET state = 'revoked', revoked_at = clock_timestamp()"
    with ThreadPoolExecutor(1) as pool:
        with holding(shops.database, shops.held) as db:
            verified = pool.submit(Worker(shops.database).verify, *asked)
            wait_until(lambda: verified.done() or somebody_waits_for_a_lock(shops.database))
            db.execute(sa.text(f"{revoke} WHERE project_id = :id"), {"id": shops.held})
        return verified.result(SECONDS)


def test_no_lock_is_held_while_one_is_waited_for(shops: Shops) -> None:
    """Whoever wants the other project, a regenerate maybe, gets it at once."""
    asked = shops.ask(shops.free, shops.held)
    with ThreadPoolExecutor(1) as pool, holding(shops.database, shops.held):
        verified = pool.submit(Worker(shops.database).verify, *asked)
        wait_until(lambda: verified.done() or somebody_waits_for_a_lock(shops.database))
        with shops.database.writer.begin() as db:
            locked, held = projects.lock_free_projects(db, [shops.free, shops.held])
        assert (set(locked), held) == ({shops.free}, {shops.held})
        verified.result(SECONDS)
