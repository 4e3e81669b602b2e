"""What a revocation closes, what it leaves alone, and what its receipt hears."""

from contextlib import ExitStack
from http import HTTPStatus

from websockets.exceptions import InvalidStatus

from domain.cards import Card
from domain.ids import ProjectId, RotationId
from storage.redis import publications
from storage.redis.client import Redis
from storage.redis.receipts import open_receipt, read
from storage.redis.sessions import count_by_generation, drop_generations
from tests.integration.gateway.conftest import Publish
from tests.integration.gateway.running import RunningGateway, Widget
from tests.integration.gateway.scripted_worker import KEY_ID, ScriptedWorker, a_token
from tests.waiting import wait_until

ROTATION = RotationId("r1")


class Revoking:
    """Carries a revocation out as a worker does."""

    def __init__(self, redis: Redis, gateway: RunningGateway, worker: ScriptedWorker) -> None:
        self._redis = redis
        self._gateway = gateway
        self._worker = worker

    def raise_epoch(self, project: ProjectId, epoch: int) -> None:
        """Redis refuses the generations below; no node has been told."""
        assert publications.raise_epoch(self._redis, project, epoch) == epoch

    def tell(self, project: ProjectId, epoch: int, rotation: RotationId = ROTATION) -> None:
        """The node is asked, and the records are dropped."""
        open_receipt(self._redis, project, rotation, [self._gateway.node_id])
        signal = {
            "type": "revoke",
            "project_id": project,
            "epoch": epoch,
            "rotation_id": rotation,
        }
        self._worker.signal(self._gateway.node_id, signal)
        drop_generations(self._redis, project, epoch, rotation)

    def closed(self, project: ProjectId, rotation: RotationId = ROTATION) -> int | None:
        """What the node has answered; None: nothing yet."""
        return read(self._redis, project, rotation).closed.get(self._gateway.node_id)

    def wait_for_closed(
        self, project: ProjectId, count: int, rotation: RotationId = ROTATION
    ) -> None:
        """The node has answered this many."""
        wait_until(lambda: self.closed(project, rotation) == count)


def signed_in(widget: Widget, person: str = "ada", generation: int = 1) -> Widget:
    """The widget, signed in."""
    widget.hello()
    assert widget.sign_in(a_token(person, generation))["type"] == "signed_in"
    return widget


def assert_revoked(widget: Widget) -> None:
    """The widget was closed as the contract says."""
    code, reason = widget.close_reason()
    assert code == 4401
    assert reason["code"] == "secret_revoked"
    assert reason["retry_after_ms"] > 0


def test_exactly_the_sessions_of_the_revoked_generation_are_closed(
    gateway: RunningGateway,
    a_project: Publish,
    worker: ScriptedWorker,
    redis: Redis,
) -> None:
    """Anonymous ones, a newer key's and another project's with the same IDs are not touched."""
    project, other = a_project(), a_project()
    revoking = Revoking(redis, gateway, worker)
    with ExitStack() as stack:
        old, new, elsewhere, anonymous = (
            [stack.enter_context(gateway.widget(at)) for _ in range(5)]
            for at in (project, project, other, project)
        )
        for widget in anonymous:
            widget.hello()
        for generation, group in ((1, old), (2, new), (1, elsewhere)):
            for number, widget in enumerate(group):
                signed_in(widget, f"person-{number}", generation)

        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)

        for widget in old:
            assert_revoked(widget)
        assert all(widget.is_answering() for widget in (*new, *elsewhere, *anonymous))
        revoking.wait_for_closed(project, 5)
        assert read(redis, project, ROTATION).targeted == 5
        assert count_by_generation(redis, project) == {None: 5, 2: 5}
        assert count_by_generation(redis, other) == {1: 5}


def test_retry_times_are_spread(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """Not everybody comes back at once."""
    revoking = Revoking(redis, gateway, worker)
    with ExitStack() as stack:
        widgets = [stack.enter_context(gateway.widget(project)) for _ in range(8)]
        for widget in widgets:
            signed_in(widget)

        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)

        waits = {widget.close_reason()[1]["retry_after_ms"] for widget in widgets}
    assert len(waits) == 8
    assert max(waits) <= 5_000


def test_a_signal_that_never_comes_is_made_up_for_by_the_sweep(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """The comparison finds the raised epoch; the late receipt still hears of the close."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as widget, gateway.widget(project) as anonymous:
        anonymous.hello()
        signed_in(widget)

        revoking.raise_epoch(project, 2)
        assert_revoked(widget)

        assert anonymous.is_answering()
        # Its record is left to the worker, which drops it with all of its generation.
        assert count_by_generation(redis, project) == {None: 1, 1: 1}
        revoking.tell(project, 2)
        revoking.wait_for_closed(project, 1)


def test_a_sign_in_that_a_revocation_overtakes_is_closed_and_counted(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """The worker had committed before; its outcome comes after the receipt was answered."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as widget, gateway.widget(project) as other:
        before = widget.hello()["device"]
        worker.hold()
        widget.say({"type": "sign_in", "id": "1", "token": a_token(generation=1)})
        wait_until(lambda: bool(worker.messages))
        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)
        revoking.wait_for_closed(project, 0)

        worker.release()

        assert_revoked(widget)
        revoking.wait_for_closed(project, 1)
        assert other.hello(before)["device"] != before
        wait_until(lambda: count_by_generation(redis, project) == {None: 1})


def test_the_bind_itself_compares_the_epoch(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """Redis knows of the revocation, this node does not yet: nothing is bound, and it learns."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as early, gateway.widget(project) as late:
        signed_in(early)
        late.hello()
        revoking.raise_epoch(project, 2)
        late.say({"type": "sign_in", "id": "1", "token": a_token(generation=1)})

        assert_revoked(late)
        assert_revoked(early)
    assert gateway.figure("sign_ins_total") == 1


def test_each_rotation_is_answered_for_its_own_closes(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """Two in a row, asked in one go: a close counts for the rotation that caused it."""
    revoking = Revoking(redis, gateway, worker)
    first, second = RotationId("first"), RotationId("second")
    with gateway.widget(project) as one, gateway.widget(project) as two:
        signed_in(one, generation=1)
        signed_in(two, generation=2)
        revoking.raise_epoch(project, 3)
        assert_revoked(one)
        assert_revoked(two)

        revoking.tell(project, 2, first)
        revoking.tell(project, 3, second)

        revoking.wait_for_closed(project, 1, first)
        revoking.wait_for_closed(project, 1, second)


def test_a_revocation_told_twice_counts_once(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """Running one twice changes nothing."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as widget:
        signed_in(widget)
        revoking.raise_epoch(project, 2)

        revoking.tell(project, 2)
        assert_revoked(widget)
        bell = f"{{{project}}}:bell:{ROTATION}"

        def answered_again() -> bool:
            """An answer that is on its way as the node is asked again is the one to both."""
            revoking.tell(project, 2)
            return redis.llen(bell) >= 2

        wait_until(answered_again)
        assert revoking.closed(project) == 1


def test_a_node_without_such_sessions_answers_too(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker, redis: Redis
) -> None:
    """None were closed, and the receipt need not wait for the node."""
    project = a_project()
    revoking = Revoking(redis, gateway, worker)

    revoking.raise_epoch(project, 2)
    revoking.tell(project, 2)

    revoking.wait_for_closed(project, 0)


def test_an_outcome_that_is_none_keeps_no_receipt_waiting(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """Nothing is being bound by it: the project's next revocation is answered."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as widget:
        widget.hello()
        worker.hold()
        widget.say({"type": "sign_in", "id": "1", "token": a_token()})
        wait_until(lambda: bool(worker.messages))
        (message,) = worker.messages
        outcome = {
            "type": "signed_in",
            "request_id": message["requests"][0]["request_id"],
            "session_id": None,
            "device_id": None,
            "ended_device_id": 7,
            "visitor_id": "0190a000-0000-7000-8000-000000000000",
            "custom_id": "ada",
            "name": None,
            "email": None,
            "key_id": KEY_ID,
            "generation": 1,
            "person_epoch": 0,
            "merged": [],
            "expires_at": "2126-01-01T00:00:00Z",
        }
        worker.signal(
            gateway.node_id,
            {"type": "outcomes", "batch_id": message["batch_id"], "outcomes": [outcome]},
        )

        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)

        revoking.wait_for_closed(project, 0)


def test_a_session_whose_proof_is_over_is_nobodys_to_revoke(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """It is anonymous by then, and stays."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as widget:
        widget.hello()
        widget.sign_in(a_token(proof_seconds=0.2))
        while widget.hear()["type"] != "visitor":
            pass
        wait_until(lambda: count_by_generation(redis, project) == {None: 1})

        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)

        revoking.wait_for_closed(project, 0)
        assert widget.is_answering()


def test_an_epoch_never_falls(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """A Redis that went back to an older copy does not let a revoked generation in again."""
    revoking = Revoking(redis, gateway, worker)
    with gateway.widget(project) as anonymous, gateway.widget(project) as late:
        anonymous.hello()
        late.hello()
        revoking.raise_epoch(project, 2)
        revoking.tell(project, 2)
        revoking.wait_for_closed(project, 0)
        redis.hset(f"{{{project}}}:card", "epoch", 1)

        late.say({"type": "sign_in", "id": "1", "token": a_token(generation=1)})

        assert_revoked(late)


def test_malformed_revocations_change_nothing(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """A signal that is none is passed over."""
    with gateway.widget(project) as widget:
        signed_in(widget)
        for fields in ({}, {"epoch": "9"}, {"epoch": True}, {"epoch": 9, "rotation_id": 1}):
            signal = {"type": "revoke", "project_id": project, **fields}
            worker.signal(gateway.node_id, signal)
        worker.signal(gateway.node_id, {"type": "revoke", "epoch": 9, "project_id": None})

        assert widget.sign_in(a_token())["type"] == "signed_in"


def test_a_changed_card_is_read_again(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker
) -> None:
    """New limits and origins hold after the signal, or at the latest after a sweep."""
    with gateway.widget(project) as widget:
        widget.hello()
        worker.publish(Card(project, 1, 2, ("https://shop.example",)))

        wait_until(lambda: _is_refused(gateway, project))


def _is_refused(gateway: RunningGateway, project: ProjectId) -> bool:
    try:
        with gateway.widget(project, origin="https://evil.example"):
            return False
    except InvalidStatus as refused:
        return refused.response.status_code == HTTPStatus.FORBIDDEN
