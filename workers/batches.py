"""Batches from gateway nodes: what of them is of the contract's form, and the answers to each."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import structlog

from domain.ids import NodeId, ProjectId, RequestId, is_uuid
from domain.outcomes import Outcome, RefusedRequest, Sent, outcome_to_wire
from domain.times import from_wire
from storage.redis import ended_devices, signals
from storage.redis.exchange import Command
from workers.runtime import Runtime

log = structlog.get_logger(__name__)

MOST_REQUESTS = 128

Request: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """A message as it came: nothing of it is believed yet."""

    requests: Sequence[Any]
    batch_id: str | None
    deadline: str | None

    def seconds_left(self, now: datetime) -> float:
        """Until the node that asked gives up; below zero where it has already."""
        if self.deadline is None:
            return math.inf
        try:
            seconds = (from_wire(self.deadline) - now).total_seconds()
        except ValueError:
            return -math.inf
        if seconds < 0:
            log.warning("batch_late", batch_id=self.batch_id, seconds=round(-seconds, 3))
        return seconds

    def well_formed(self, is_one: Callable[[Request], bool]) -> Iterator[Request]:
        """The requests that have the contract's form; the others are counted and dropped."""
        for request in self.requests[:MOST_REQUESTS]:
            if isinstance(request, Mapping) and _is_of_a_node(request) and is_one(request):
                yield request
            else:
                log.warning("queued_request_malformed", batch_id=self.batch_id)


def take(
    runtime: Runtime, task: str, batch: Batch, is_one: Callable[[Request], bool]
) -> list[Request]:
    """The batch's requests; those that are none are told of to operators.

    Args:
        runtime: lists what comes to nothing.
        task: the one that the batch came to.
        batch: as it came.
        is_one: whether a request, known to say whose it is, has what this task needs besides.
    """
    requests = list(batch.well_formed(is_one))
    if len(requests) < len(batch.requests):
        runtime.poison.note(task, "request_malformed")
    return requests


def answer(
    runtime: Runtime,
    batch: Batch,
    requests: Iterable[Request],
    outcomes: Iterable[Outcome],
    afterwards: Iterable[Command] = (),
) -> None:
    """Each node hears of its requests; the credit of the batch goes back with them.

    Before that Redis knows which devices have ended, so that a hello with one of them, on whatever
    node and however early, is given another. Figures follow the answers (decision 0015).
    """
    outcomes = list(outcomes)
    _note_ended(runtime, requests, outcomes)
    node_of = {request["request_id"]: NodeId(request["node_id"]) for request in requests}
    answers: dict[NodeId, list[Any]] = {node: [] for node in node_of.values()}
    for outcome in outcomes:
        answers[node_of[outcome.request_id]].append(outcome_to_wire(outcome))
    signals.send_many(
        runtime.stores.redis,
        [
            (node, {"type": "outcomes", "batch_id": batch.batch_id, "outcomes": wire})
            for node, wire in answers.items()
        ],
        afterwards,
    )


def projects_of(requests: Iterable[Request]) -> dict[RequestId, ProjectId]:
    """Which project each request is about."""
    return {
        RequestId(request["request_id"]): ProjectId(request["project_id"]) for request in requests
    }


def _is_of_a_node(request: Request) -> bool:
    texts = ("request_id", "project_id", "node_id")
    optional = ("session_id", "device_id")
    return (
        all(isinstance(request.get(name), str) for name in texts)
        and all(isinstance(request.get(name), str | None) for name in optional)
        and is_uuid(request["project_id"])
    )


def _note_ended(runtime: Runtime, requests: Iterable[Request], outcomes: Iterable[Outcome]) -> None:
    project_of = projects_of(requests)
    ended_devices.note_ended(
        runtime.stores.redis,
        [
            (project_of[outcome.request_id], outcome.ended_device_id)
            for outcome in outcomes
            if not isinstance(outcome, RefusedRequest | Sent) and outcome.ended_device_id
        ],
    )
