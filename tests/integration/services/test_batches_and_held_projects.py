"""While somebody holds a project, batches of it and others answer the others, and hold nothing."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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
    mint,
    open_transactor,
    request,
    rotate,
)
from tests.waiting import somebody_waits_for_a_lock, wait_until

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

NODE_GIVES_UP_SECONDS = 5.0
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

    @contextmanager
    def holding(self) -> Iterator[sa.Connection]:
        """Somebody's transaction has the project and does not end."""
        with self.database.writer.begin() as db:
            projects.lock_project(db, self.held)
            yield db

    def until_waited_for(self) -> None:
        """Somebody waits for a lock."""
        wait_until(partial(somebody_waits_for_a_lock, self.database), "somebody who waits")


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

    def work(worker: Worker) -> list[bool]:
        signed_in: list[bool] = []
        for _ in range(3):
            asked = shops.ask(shops.free, shops.held)
            signed_in += of_project(shops.free, asked, worker.verify(*asked))
        return signed_in

    with shops.holding(), ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(work, [Worker(shops.database), Worker(shops.database)]))

    assert answers == [[True] * 3] * 2


def test_batches_that_come_one_after_another_are_answered_while_somebody_waits(
    shops: Shops,
) -> None:
    """One worker, three batches sent at once: also the third before its node has given up."""
    worker = Worker(shops.database)
    asked = shops.ask(shops.held, shops.free)
    began = time.monotonic()

    with shops.holding():
        answers = [of_project(shops.free, asked, worker.verify(*asked)) for _ in range(3)]
        seconds = time.monotonic() - began

    assert answers == [[True]] * 3
    assert seconds < NODE_GIVES_UP_SECONDS
    assert of_project(shops.held, asked, worker.verify(*asked)) == [True], "free again: at once"


def test_a_project_that_is_held_is_not_taken_for_unknown(shops: Shops) -> None:
    """Its visitors may try again; those of a project that does not exist are refused."""
    asked = [*shops.ask(shops.free, shops.held), request(UNKNOWN, shops.tokens[shops.free])]

    with shops.holding():
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
    asked = shops.ask(*([shops.free] if beside else []), shops.held)
    with ThreadPoolExecutor(1) as pool:
        with shops.holding() as db:
            verified = pool.submit(Worker(shops.database).verify, *asked)
            shops.until_waited_for()
            revoke = "UPDATE signing_secrets SET state = 'revoked', revoked_at = clock_timestamp()"
            db.execute(sa.text(f"{revoke} WHERE project_id = :id"), {"id": shops.held})
        outcomes = verified.result(NODE_GIVES_UP_SECONDS)

    assert of_project(shops.held, asked, outcomes) == [False]
    assert isinstance(outcomes[-1], RefusedRequest)
    assert outcomes[-1].code == "key_revoked"


def test_no_lock_is_held_while_one_is_waited_for(shops: Shops) -> None:
    """Whoever wants the other project, a regenerate maybe, gets it at once."""
    asked = shops.ask(shops.free, shops.held)
    with ThreadPoolExecutor(1) as pool, shops.holding():
        verified = pool.submit(Worker(shops.database).verify, *asked)
        shops.until_waited_for()
        with shops.database.writer.begin() as db:
            locked, held = projects.lock_free_projects(db, [shops.free, shops.held])
        assert (set(locked), held) == ({shops.free}, {shops.held})
        verified.result(NODE_GIVES_UP_SECONDS)
