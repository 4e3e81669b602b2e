"""Verifications race the runner's cut: from the cut on the old key signs nobody in, ever."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from domain.events import EventKind
from domain.ids import KeyId, ProjectId
from domain.outcomes import RefusedRequest, SignedIn
from domain.rotation_dates import AtTime
from domain.rotations import Rotation
from domain.tokens.policy import TokenPolicy
from services.key_rings import KeyRings
from services.rotate_secret import Generated, SecretWish, generate
from services.run_due_rotations import run_due_rotations
from services.stores import Stores
from services.transactions import Transaction
from services.verify_visitors import VisitorVerifier
from storage.redis.client import connect
from storage.sql import rotations
from storage.sql.engine import Database
from storage.sql.outbox import list_events
from tests.integration.scenes import (
    ADMINISTRATOR,
    DEVICES,
    SEALER,
    add_project,
    answer_at_last,
    mint,
    open_transactor,
    request,
    rotate,
)

ROUNDS = 6
RUNNERS = 2
UNTIL_CUT = timedelta(milliseconds=100)
TURNS_AFTERWARDS = 2
SECONDS = 30.0


@dataclass
class Race:
    """A project whose secrets everybody presents while its cut comes due."""

    stores: Stores
    project_id: ProjectId
    made: list[Generated]
    is_cut: threading.Event = field(default_factory=threading.Event)
    # By key: what the answer was, and whether the cut had been answered before the request.
    answers: Counter[tuple[KeyId, str, bool]] = field(default_factory=Counter)

    @property
    def verifiers(self) -> int:
        """How many verify at once: SQLite lets one write at a time, and does not queue them."""
        return 2 if self.stores.database.is_sqlite else 6

    def run(self) -> Rotation:
        """The rotation after its cut, which came while everybody was at it."""
        warm = threading.Barrier(self.verifiers + 1, timeout=SECONDS)
        with ThreadPoolExecutor(self.verifiers + RUNNERS) as pool:
            visitors = [f"visitor-{number}" for number in range(self.verifiers)]
            running = [pool.submit(self._verify, one, warm) for one in visitors]
            warm.wait()
            self._plan()
            running += [pool.submit(self._look_for_what_is_due) for _ in range(RUNNERS)]
            for one in running:
                one.result()
        with self.stores.database.reading() as db:
            [rotation] = rotations.list_rotations(db, self.project_id, limit=1)
        return rotation

    def _plan(self) -> None:
        def plan(transaction: Transaction) -> Generated:
            wish = SecretWish(when=AtTime(transaction.now + UNTIL_CUT), force=True)
            return generate(transaction, SEALER, self.project_id, ADMINISTRATOR, wish)

        self.made.append(self.stores.transactor.run(plan, urgent=True))

    def _look_for_what_is_due(self) -> None:
        deadline = time.monotonic() + SECONDS
        while not self.is_cut.is_set():
            assert time.monotonic() < deadline
            if run_due_rotations(self.stores):
                self.is_cut.set()

    def _verify(self, custom_id: str, warm: threading.Barrier) -> None:
        verifier = VisitorVerifier(self.stores.transactor, KeyRings(SEALER), DEVICES)
        self._present(verifier, custom_id)
        warm.wait()
        turns_left, deadline = TURNS_AFTERWARDS, time.monotonic() + SECONDS
        while turns_left:
            assert time.monotonic() < deadline
            turns_left -= self.is_cut.is_set()
            self._present(verifier, custom_id)

    def _present(self, verifier: VisitorVerifier, custom_id: str) -> None:
        for made in self.made[:]:
            token = mint(made.secret, custom_id)
            is_afterwards = self.is_cut.is_set()
            outcome = answer_at_last(verifier, request(self.project_id, token))
            self.answers[made.key_id, _told(outcome), is_afterwards] += 1

    def accepted_last(self, made: Generated) -> timedelta:
        """How long before the cut a sign-in by that key was committed for the last time."""
        with self.stores.database.reading() as db:
            events = list_events(db, self.project_id, limit=99_999)
            [rotation] = rotations.list_rotations(db, self.project_id, limit=1)
        assert rotation.effective_at
        verified = [event for event in events if event.kind is EventKind.VISITOR_VERIFIED]
        times = [one.created_at for one in verified if one.payload["key_id"] == made.key_id]
        return rotation.effective_at - max(times)


def _told(outcome: object) -> str:
    assert isinstance(outcome, SignedIn | RefusedRequest)
    return outcome.code if isinstance(outcome, RefusedRequest) else "signed_in"


@pytest.fixture
def stores(database: Database, redis_url: str) -> Iterator[Stores]:
    """Stores whose clocks are their own."""
    transactor, _ = open_transactor(database)
    client = connect(redis_url)
    yield Stores(transactor, client, SEALER)
    client.close()


def test_no_old_key_is_accepted_from_the_cut_on(
    stores: Stores, measured: Callable[[str], None]
) -> None:
    """Neither asked for after the cut has answered, nor committed after it took effect."""
    told: Counter[str] = Counter()
    for _ in range(ROUNDS):
        project_id = add_project(stores.transactor, TokenPolicy.of_preset("tiledesk"))
        race = Race(stores, project_id, [rotate(stores.transactor, project_id)])

        rotation = race.run()

        old, new = race.made
        assert rotation.effective_at
        assert rotation.due_at
        assert rotation.effective_at >= rotation.due_at
        assert race.answers[old.key_id, "signed_in", True] == 0
        assert race.answers[old.key_id, "key_revoked", True] >= race.verifiers
        assert race.accepted_last(old) > timedelta()
        assert race.accepted_last(new) < timedelta()
        told += Counter({str(code): n for (_, code, _), n in race.answers.items()})
    assert set(told) == {"signed_in", "key_revoked"}
    measured(f"{ROUNDS} cuts: {dict(told)}")
