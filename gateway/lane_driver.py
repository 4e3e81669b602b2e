"""A lane's hands: it publishes batches off the event loop, watches their lives, answers askers."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from config.queues import CLOCKS_APART_SECONDS
from domain.outcomes import Outcome
from domain.times import to_wire
from gateway.lanes import Batch, Lane, LaneRequest
from gateway.steps import Reached, Step, pass_by

log = structlog.get_logger(__name__)


class Publish(Protocol):
    """Puts a message into its task's queue, blocking; raises where it could not."""

    def __call__(
        self, task: str, payload: Mapping[str, object], *, expires_seconds: float | None = None
    ) -> None:
        """The message lies in the queue."""


class LaneDriver:
    """One task's lane on the event loop. Every method but `_publish` belongs to the loop's thread.

    Args:
        lane: what waits and what is in flight.
        task: the name that its messages are sent under.
        publish: called in a thread of `executor`, never on the loop.
        executor: with at least as many threads as the lane has credits, and of no other lane.
        new_id: makes a batch id that no other batch has.
        utc_now: the clock shared with the workers, for the deadline inside a message.
        reached: is told of every batch before it is sent.
    """

    def __init__(
        self,
        lane: Lane,
        task: str,
        publish: Publish,
        executor: Executor,
        new_id: Callable[[], str],
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
        reached: Reached = pass_by,
    ) -> None:
        self.lane = lane
        self.task = task
        self._publish_task = publish
        self._executor = executor
        self._new_id = new_id
        self._utc_now = utc_now
        self._reached = reached
        self._loop = asyncio.get_running_loop()
        self._pump_due = False
        self._expiry: asyncio.TimerHandle | None = None
        self._stopped = False

    def submit(self, request: LaneRequest) -> bool:
        """Whether the request waits now and will be answered; False when the lane is full."""
        if self._stopped or not self.lane.offer(request):
            return False
        self._pump_soon()
        return True

    def withdraw(self, request: LaneRequest) -> bool:
        """Whether the request was still waiting; its asker is not called any more."""
        return self.lane.withdraw(request)

    def settle(self, batch_id: str, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Every asker of the batch has its answer; what nobody waits for any more comes back."""
        strays = []
        for outcome in outcomes:
            request = self.lane.settle(batch_id, outcome.request_id)
            if request is None:
                strays.append(outcome)
            else:
                self._tell(request, partial(request.asker.answered, request, outcome))
        self._pump_soon()
        return strays

    def stop(self) -> None:
        """Nothing is taken or sent any more; messages in flight are left to the workers."""
        self._stopped = True
        if self._expiry is not None:
            self._expiry.cancel()

    def _pump_soon(self) -> None:
        # Once a turn of the loop: what arrived in one turn leaves together, and idle adds no delay.
        if not self._pump_due:
            self._pump_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_due = False
        if self._stopped:
            return
        while self.lane.has_batch:
            batch = self.lane.form_batch(self._loop.time(), self._new_id())
            if batch is not None:
                self._send(batch)
        self._watch_expiry()

    def _send(self, batch: Batch) -> None:
        self._reached(Step.BATCH_FORMED)
        deadline = self._utc_now() + timedelta(seconds=self.lane.bounds.expires_seconds)
        payload = {
            "batch_id": batch.batch_id,
            "deadline": to_wire(deadline),
            "requests": [request.wire for request in batch.requests.values()],
        }
        log.debug("batch_sent", task=self.task, batch=batch.batch_id, size=len(batch.requests))
        sending = self._loop.run_in_executor(self._executor, self._publish, payload, deadline)
        sending.add_done_callback(lambda done: self._sent(batch.batch_id, done))

    def _publish(self, payload: Mapping[str, object], deadline: datetime) -> None:
        remaining = (deadline - self._utc_now()).total_seconds()
        if remaining <= 0:  # threads were all busy with a broker that does not answer
            raise TimeoutError
        expires = remaining + CLOCKS_APART_SECONDS  # the deadline is what counts
        self._publish_task(self.task, payload, expires_seconds=expires)

    def _sent(self, batch_id: str, done: "asyncio.Future[None]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            return
        log.warning("batch_not_sent", task=self.task, batch=batch_id, error=type(error).__name__)
        self._leave_unanswered(self.lane.give_up(batch_id))
        self._pump_soon()

    def _watch_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        due = self.lane.next_expiry
        self._expiry = None if due is None else self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        late = self.lane.expire(self._loop.time())
        if late:
            log.warning("batch_expired", task=self.task, unanswered=len(late))
        self._leave_unanswered(late)
        self._pump()

    def _leave_unanswered(self, requests: Iterable[LaneRequest]) -> None:
        for request in requests:
            self._tell(request, partial(request.asker.unanswered, request))

    def _tell(self, request: LaneRequest, answer: Callable[[], None]) -> None:
        try:
            answer()
        except Exception:
            # One asker that fails must not leave the others of its batch without an answer.
            log.exception("asker_failed", task=self.task, request_id=request.request_id)
