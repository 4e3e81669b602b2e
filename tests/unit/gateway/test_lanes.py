"""Lanes: credits, bounds, fairness and lives, without any I/O."""

from collections import Counter
from random import Random

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.ids import ProjectId, RequestId
from domain.outcomes import Outcome
from gateway.lanes import Batch, Lane, LaneBounds, LaneRequest

SMALL = LaneBounds(
    credits=2,
    max_batch=5,
    max_projects=2,
    max_waiting_per_project=4,
    max_waiting=9,
    expires_seconds=5.0,
)


class Nobody:
    """An asker that a lane must never call: that is its driver's part."""

    def answered(self, request: LaneRequest, outcome: Outcome) -> None:
        """Never."""
        raise AssertionError(request, outcome)

    def unanswered(self, request: LaneRequest) -> None:
        """Never."""
        raise AssertionError(request)


def _request(number: int, project: str = "p") -> LaneRequest:
    return LaneRequest(RequestId(f"r{number}"), ProjectId(project), {}, Nobody())


def _fill(lane: Lane, counts: dict[str, int]) -> None:
    number = 0
    for project, count in counts.items():
        for _ in range(count):
            assert lane.offer(_request(number := number + 1, project))


def _projects_of(batch: Batch) -> Counter[str]:
    return Counter(str(request.project_id) for request in batch.requests.values())


def test_an_idle_lane_sends_a_single_request_at_once() -> None:
    """Nothing waits for company."""
    lane = Lane()
    lane.offer(_request(1))

    batch = lane.form_batch(now=0.0, batch_id="b1")

    assert batch is not None
    assert list(batch.requests) == ["r1"]
    assert lane.waiting == 0


def test_no_more_messages_are_in_flight_than_there_are_credits() -> None:
    """The third message leaves only when one of two has been answered whole."""
    lane = Lane(LaneBounds(credits=2, max_batch=1))
    _fill(lane, {"p": 3})

    first, second = (lane.form_batch(0.0, f"b{number}") for number in (1, 2))

    assert first is not None
    assert second is not None
    assert lane.form_batch(0.0, "b3") is None
    lane.settle("b1", RequestId("r1"))
    assert lane.form_batch(0.0, "b3") is not None


def test_what_arrives_meanwhile_forms_the_next_message() -> None:
    """A busy lane's batches grow up to their bound."""
    lane = Lane(LaneBounds(credits=1, max_batch=128))
    _fill(lane, {"p": 1})
    lane.form_batch(0.0, "b1")
    for number in range(2, 202):
        lane.offer(_request(number))

    lane.settle("b1", RequestId("r1"))
    batch = lane.form_batch(0.0, "b2")

    assert batch is not None
    assert len(batch.requests) == 128
    assert lane.waiting == 72


def test_a_part_of_the_answers_keeps_the_credit() -> None:
    """A message is over when its last request is answered."""
    lane = Lane(LaneBounds(credits=1))
    _fill(lane, {"p": 2})
    lane.form_batch(0.0, "b1")

    lane.settle("b1", RequestId("r1"))

    assert lane.credits == 0
    lane.settle("b1", RequestId("r2"))
    assert lane.credits == 1


def test_an_expired_message_returns_its_credit_and_its_unanswered_requests() -> None:
    """Only what was not answered comes back, once, and a late answer finds nobody."""
    lane = Lane(LaneBounds(credits=1, expires_seconds=5.0))
    _fill(lane, {"p": 2})
    lane.form_batch(100.0, "b1")
    lane.settle("b1", RequestId("r1"))

    assert lane.expire(104.9) == []
    late = lane.expire(105.0)

    assert [request.request_id for request in late] == ["r2"]
    assert lane.credits == 1
    assert lane.settle("b1", RequestId("r2")) is None
    assert lane.form_batch(106.0, "b2") is None


def test_a_flood_of_one_project_does_not_delay_another() -> None:
    """Round robin: the lone request of a second project is in the very next message."""
    lane = Lane(LaneBounds(credits=1, max_batch=10))
    _fill(lane, {"flood": 500, "quiet": 1})

    batch = lane.form_batch(0.0, "b1")

    assert batch is not None
    assert _projects_of(batch) == {"flood": 9, "quiet": 1}


def test_projects_share_a_message_evenly() -> None:
    """Each has its turn before any has its second."""
    lane = Lane(LaneBounds(max_batch=6))
    _fill(lane, {"a": 5, "b": 5, "c": 1})

    batch = lane.form_batch(0.0, "b1")

    assert batch is not None
    assert _projects_of(batch) == {"a": 3, "b": 2, "c": 1}


def test_projects_that_found_no_place_come_first_next_time() -> None:
    """More projects than one message may hold take turns, however much the first ones send."""
    lane = Lane(LaneBounds(credits=9, max_batch=4, max_projects=2))
    _fill(lane, {"a": 9, "b": 9, "c": 9, "d": 9, "e": 9})

    batches = [lane.form_batch(0.0, f"b{number}") for number in range(3)]

    assert [set(_projects_of(batch)) for batch in batches if batch] == [
        {"a", "b"},
        {"c", "d"},
        {"e", "a"},
    ]


def test_a_withdrawn_request_leaves_the_lane() -> None:
    """It is in no message, and its place is free."""
    lane = Lane(LaneBounds(max_waiting=1))
    request = _request(1)
    lane.offer(request)

    assert lane.withdraw(request)
    assert lane.offer(_request(2))

    batch = lane.form_batch(0.0, "b1")
    assert batch is not None
    assert list(batch.requests) == ["r2"]
    assert not lane.withdraw(batch.requests[RequestId("r2")])


def test_a_projects_bound_is_its_own() -> None:
    """One full project refuses more; another's requests still find room."""
    lane = Lane(LaneBounds(max_waiting_per_project=2, max_waiting=100))
    _fill(lane, {"full": 2})

    assert not lane.offer(_request(9, "full"))
    assert lane.offer(_request(10, "other"))


def test_the_bounds_by_default_are_those_of_the_design() -> None:
    """Two in flight, 128 of 16 projects a message, 2,000 and 20,000 waiting, 5 s."""
    assert LaneBounds() == LaneBounds(
        credits=2,
        max_batch=128,
        max_projects=16,
        max_waiting_per_project=2_000,
        max_waiting=20_000,
        expires_seconds=5.0,
    )


class LaneLife(RuleBasedStateMachine):
    """Any order of events: the bounds hold and every request has exactly one end."""

    @initialize()
    def begin(self) -> None:
        """An empty lane, and what we expect of it."""
        self.lane = Lane(SMALL)
        self.now = 0.0
        self.numbers = 0
        self.waiting: dict[RequestId, LaneRequest] = {}
        self.flying: dict[str, Batch] = {}
        self.expiries: dict[str, float] = {}
        self.unsettled: dict[str, set[RequestId]] = {}
        self.sent: set[RequestId] = set()

    @rule(project=st.sampled_from("abcde"))
    def offer(self, project: str) -> None:
        """Taken exactly while there is room."""
        self.numbers += 1
        request = _request(self.numbers, project)
        of_project = sum(other.project_id == project for other in self.waiting.values())
        room = of_project < SMALL.max_waiting_per_project and len(self.waiting) < SMALL.max_waiting

        assert self.lane.offer(request) is room
        if room:
            self.waiting[request.request_id] = request

    @precondition(lambda self: self.waiting)
    @rule(pick=st.randoms(use_true_random=False))
    def withdraw(self, pick: Random) -> None:
        """Gone at once, and only once."""
        request = self.waiting.pop(pick.choice(sorted(self.waiting)))

        assert self.lane.withdraw(request)
        assert not self.lane.withdraw(request)

    @rule()
    def send(self) -> None:
        """A message while there is a credit and somebody waits, of nothing sent before."""
        self.numbers += 1
        batch = self.lane.form_batch(self.now, f"b{self.numbers}")
        expected = bool(self.waiting) and len(self.flying) < SMALL.credits

        assert (batch is not None) is expected
        if batch is None:
            return
        assert 0 < len(batch.requests) <= SMALL.max_batch
        assert len(_projects_of(batch)) <= SMALL.max_projects
        assert not self.sent & batch.requests.keys()
        self.sent |= batch.requests.keys()
        for request_id in batch.requests:
            del self.waiting[request_id]
        self.flying[batch.batch_id] = batch
        self.expiries[batch.batch_id] = self.now + SMALL.expires_seconds
        self.unsettled[batch.batch_id] = set(batch.requests)

    @precondition(lambda self: self.flying)
    @rule(pick=st.randoms(use_true_random=False))
    def settle(self, pick: Random) -> None:
        """One answer for one request."""
        batch_id = pick.choice(sorted(self.flying))
        request_id = pick.choice(sorted(self.unsettled[batch_id]))

        settled = self.lane.settle(batch_id, request_id)

        assert settled is not None
        assert self.lane.settle(batch_id, request_id) is None
        self.unsettled[batch_id].remove(request_id)
        if not self.unsettled[batch_id]:
            self.land(batch_id)

    @precondition(lambda self: self.flying)
    @rule(pick=st.randoms(use_true_random=False))
    def give_up(self, pick: Random) -> None:
        """A message that was not sent."""
        batch_id = pick.choice(sorted(self.flying))

        unanswered = {request.request_id for request in self.lane.give_up(batch_id)}

        assert unanswered == self.unsettled[batch_id]
        self.land(batch_id)

    @rule(seconds=st.floats(0.0, 7.0))
    def wait(self, seconds: float) -> None:
        """Time passes; what is due is given up whole."""
        self.now += seconds
        due = [batch_id for batch_id, at in self.expiries.items() if at <= self.now]
        expected = {request_id for batch_id in due for request_id in self.unsettled[batch_id]}

        late = [request.request_id for request in self.lane.expire(self.now)]

        assert sorted(late) == sorted(expected)
        for batch_id in due:
            self.land(batch_id)

    def land(self, batch_id: str) -> None:
        """The message is over."""
        for known in (self.flying, self.expiries, self.unsettled):
            known.pop(batch_id)

    @invariant()
    def counts_agree(self) -> None:
        """The lane's own figures are ours."""
        assert self.lane.waiting == len(self.waiting)
        assert self.lane.in_flight == len(self.flying) <= SMALL.credits
        assert self.lane.credits == SMALL.credits - len(self.flying)
        assert self.lane.next_expiry == min(self.expiries.values(), default=None)


TestLaneLife = LaneLife.TestCase
TestLaneLife.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
