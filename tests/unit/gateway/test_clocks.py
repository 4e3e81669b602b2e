"""Time: the lease and its trust, proofs, and the lines that wait to be written."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from domain.errors import StorageUnavailable
from gateway.close_log import PORTION, CloseLog
from gateway.endings import end_all
from gateway.lease import TRUSTED_SECONDS, Lease
from gateway.proofs import ProofClock
from gateway.randomness import RandomBytes
from tests.waiting import until

pytestmark = pytest.mark.anyio


class Renewals:
    """Answers renewals as told: whether the lease stood, or an error."""

    def __init__(self, answers: list[bool | Exception]) -> None:
        self._answers = answers
        self.beats: list[str] = []
        self.lost = 0

    async def renew(self, beat: str) -> bool:
        """The next answer."""
        self.beats.append(beat)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def note_lost(self) -> None:
        """A lease had ended."""
        self.lost += 1


class Holder:
    """A session with a proof."""

    def __init__(self) -> None:
        self.proof: object | None = object()
        self.told: list[str] = []

    def proof_expiring(self) -> None:
        """Asked to renew."""
        self.told.append("expiring")

    def proof_expired(self) -> None:
        """Over."""
        self.told.append("expired")


async def test_trust_is_counted_from_before_the_renewal() -> None:
    """However long the answer took: two thirds of the lease, no more."""
    asked_at = []

    async def slow(_beat: str) -> bool:
        asked_at.append(time.monotonic())
        await asyncio.sleep(0.05)
        return True

    lease = Lease(slow, lambda: None)
    held = [lease.is_held]

    assert await lease.renew_once()

    held.append(lease.is_held)
    assert held == [False, True]
    assert lease.trusted_until <= asked_at[0] + TRUSTED_SECONDS


async def test_a_renewal_that_fails_prolongs_nothing() -> None:
    """Trust runs out by itself."""
    renewals = Renewals([False, StorageUnavailable()])
    lease = Lease(renewals.renew, renewals.note_lost)
    await lease.renew_once()
    trusted_until = lease.trusted_until

    assert not await lease.renew_once()

    assert lease.trusted_until == trusted_until


async def test_a_lease_that_had_ended_is_a_loss_but_the_first_is_none() -> None:
    """Told once for each."""
    renewals = Renewals([False, True, False, True])
    lease = Lease(renewals.renew, renewals.note_lost)

    losses = []
    for _ in range(4):
        await lease.renew_once()
        losses.append(renewals.lost)

    assert losses == [0, 0, 1, 1]


async def test_a_renewal_has_one_beat_until_it_is_answered() -> None:
    """So that one whose answer was lost is known when it is asked for again."""
    renewals = Renewals([False, StorageUnavailable(), TimeoutError(), True, True])
    lease = Lease(renewals.renew, renewals.note_lost)

    for _ in range(5):
        await lease.renew_once()

    first, lost, again, answered, last = renewals.beats
    assert lost == again == answered
    assert len({first, answered, last}) == 3


async def test_proofs_are_told_at_four_fifths_and_at_the_end() -> None:
    """In the order of time, whatever the order of watching."""
    clock, late, soon = ProofClock(), Holder(), Holder()
    clock.watch(late, late.proof or "", 3600.0)
    clock.watch(soon, soon.proof or "", 0.05)

    await until(lambda: soon.told == ["expiring", "expired"])

    assert late.told == []
    clock.stop()


async def test_a_proof_that_was_replaced_is_passed_over() -> None:
    """Only the present one counts; one that is over already is told at once."""
    clock, holder = ProofClock(), Holder()
    clock.watch(holder, holder.proof or "", 0.02)
    holder.proof = None
    other = Holder()
    clock.watch(other, other.proof or "", -1.0)

    await until(lambda: other.told == ["expiring", "expired"])
    await asyncio.sleep(0.03)

    assert holder.told == []


async def test_proofs_of_sessions_that_are_gone_are_not_kept() -> None:
    """Memory follows the holders there are, not those there were."""
    clock = ProofClock()
    for _ in range(5_000):
        holder = Holder()
        clock.watch(holder, holder.proof or "", 3600.0)
        holder.proof = None

    assert len(clock._due) < 1_100
    clock.stop()


async def test_lines_about_closed_sockets_are_written_in_portions() -> None:
    """Ten thousand do not stand between the others and the loop; at the end none is missing."""
    lines = CloseLog()
    with capture_logs() as written:
        for number in range(5 * PORTION):
            lines.add(number=number)
        assert written == []
        while len(written) < 3 * PORTION:
            before = len(written)
            await asyncio.sleep(0)  # one turn of the loop
            assert len(written) - before <= PORTION

        lines.close()
        lines.add(number=5 * PORTION)

    assert [line["number"] for line in written] == list(range(5 * PORTION + 1))


async def test_random_bytes_are_handed_out_once() -> None:
    """Whatever the sizes asked for."""
    source = RandomBytes()
    pieces = [source(size) for size in [16, 10] * 2_000]

    assert [len(piece) for piece in pieces] == [16, 10] * 2_000
    assert len(set(pieces)) == len(pieces)


async def test_tasks_that_lose_a_cancellation_are_ended_all_the_same() -> None:
    """As they do before Python 3.12 where they wait with `asyncio.wait_for`."""
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    task = asyncio.get_running_loop().create_task(stubborn())
    await asyncio.sleep(0)

    await end_all([task])

    assert task.cancelled()
