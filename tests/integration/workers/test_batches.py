"""What is in a batch and no request of its task is dropped, and operators hear of it."""

from collections.abc import Callable
from typing import Any, TypeAlias

from config import queues
from storage.sql.parking import list_parked_kinds
from workers import messages, sign_outs, verification
from workers.batches import Batch
from workers.runtime import Runtime

Entry: TypeAlias = Callable[[Runtime, Batch], dict[str, Any]]

ID = "01900000-0000-7000-8000-000000000000"
OF_A_NODE = {"request_id": "r", "project_id": ID, "node_id": "n", "session_id": "s"}
MESSAGE = {
    **OF_A_NODE,
    "device_id": "d",
    "visitor_id": ID,
    "client_id": "c",
    "text": "hello",
    "person_epoch": 0,
    "generation": None,
}


def test_what_is_no_request_is_listed_whichever_task_it_came_to(runtime: Runtime) -> None:
    """Once for each task and batch; what is one is answered all the same."""
    came: list[tuple[str, Entry, dict[str, Any], dict[str, Any]]] = [
        (queues.VISITORS_VERIFY, verification.verify, {"token": 7}, {"token": "not sealed"}),
        (queues.VISITORS_SIGN_OUT, sign_outs.sign_out, {"session_id": None}, {}),
        (queues.MESSAGES_STORE, messages.store, {"text": None}, {"text": "hello"}),
    ]
    for _, run, wrong, right in came:
        requests = [{**MESSAGE, **wrong}, {**MESSAGE, **right}]
        assert run(runtime, Batch(requests, "batch", None)) == {"requests": 1}

    with runtime.stores.database.reading() as db:
        parked = {(one.task, one.because): one.times for one in list_parked_kinds(db)}
    malformed = {task: times for (task, why), times in parked.items() if why == "request_malformed"}
    assert malformed == {task: 1 for task, *_ in came}
