"""When proofs need renewing and when they end: one heap and one timer for the whole node."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Protocol

REMIND_AT = 0.8


class ProofHolder(Protocol):
    """A session that a proof vouches for. `proof` changes with every new proof and with its end."""

    @property
    def proof(self) -> object | None:
        """Identifies the proof held now."""

    def proof_expiring(self) -> None:
        """Four fifths of the proof are over."""

    def proof_expired(self) -> None:
        """The proof is over."""


class ProofClock:
    """Reminds holders at four fifths of their proof and tells them of its end.

    A holder that has another proof by then, or none, is passed over; its entry stays until it is
    due, or until most entries are such and the heap is built anew, so memory follows the holders.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: list[tuple[float, int, ProofHolder, object, bool]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._rebuild_at = 1_000

    def watch(self, holder: ProofHolder, proof: object, seconds: float) -> None:
        """The holder is reminded and told of the end of this proof, so many seconds from now."""
        now = self._loop.time()
        for delay, ends in ((seconds * REMIND_AT, False), (seconds, True)):
            entry = (now + max(delay, 0.0), next(self._order), holder, proof, ends)
            heapq.heappush(self._due, entry)
        if len(self._due) >= self._rebuild_at:
            self._drop_stale()
        self._set_timer()

    def stop(self) -> None:
        """Nobody is told anything any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _drop_stale(self) -> None:
        self._due = [entry for entry in self._due if entry[2].proof is entry[3]]
        heapq.heapify(self._due)
        self._rebuild_at = max(1_000, 2 * len(self._due))

    def _set_timer(self) -> None:
        due_at = self._due[0][0] if self._due else None
        if due_at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due_at is None else self._loop.call_at(due_at, self._tell)
        self._timer_at = due_at

    def _tell(self) -> None:
        self._timer = self._timer_at = None
        now = self._loop.time()
        while self._due and self._due[0][0] <= now:
            _, _, holder, proof, ends = heapq.heappop(self._due)
            if holder.proof is not proof:
                continue
            tell: Callable[[], None] = holder.proof_expired if ends else holder.proof_expiring
            tell()
        self._set_timer()
