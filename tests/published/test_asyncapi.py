"""docs/asyncapi.yaml is a valid document and names exactly what the code names."""

import jsonschema
import pytest

from config import queues
from domain.events import EventKind
from domain.refusals import RefusalCode
from domain.rotations import Moved
from gateway import answers, closes, frames
from gateway.sockets import connection
from tests.published import asyncapi
from tests.servers.node_packages import install_node_packages

FOLDER = asyncapi.ROOT / "tests" / "published"


def test_it_is_valid() -> None:
    """By the schema that the makers of AsyncAPI publish for version 3.0."""
    install_node_packages(FOLDER)
    schema = asyncapi.schema_of_asyncapi(FOLDER)

    jsonschema.validate(asyncapi.document(), schema, jsonschema.Draft7Validator)


def test_every_reference_leads_somewhere() -> None:
    """Also those that the schema does not follow."""

    def follow(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(reference := value.get("$ref"), str):
                found = asyncapi.document()
                for part in reference.removeprefix("#/").split("/"):
                    found = found[part]
            for each in value.values():
                follow(each)
        elif isinstance(value, list):
            for each in value:
                follow(each)

    follow(asyncapi.document())


def test_frames_of_widgets_are_those_that_are_read() -> None:
    """Every type that the gateway reads, and no other."""
    assert set(asyncapi.frames_of("hearWidget")) == {*frames._READERS, "ping"}


def test_frames_of_the_gateway_are_those_that_it_makes() -> None:
    """One for each function that makes one."""
    made = {
        name
        for name, one in vars(answers).items()
        if callable(one) and getattr(one, "__module__", "") == answers.__name__
    }
    names = {"agent_message": "message", "proof_ended": "visitor", "visitor_changed": "visitor"}

    assert set(asyncapi.frames_of("tellWidget")) == {names.get(n, n) for n in made} | {"pong"}


def test_closes_are_those_of_the_code() -> None:
    """Code and reason of each, what the SDK does, and a wait exactly where one is given."""
    ours = {(each.code, each.reason): each.retry_ms for each in closes.Close}
    ours |= dict.fromkeys(connection._WORDS.items())
    messages = asyncapi.document()["components"]["messages"]

    assert set(asyncapi.closes()) == set(ours)
    for key, name in asyncapi.closes().items():
        assert messages[name]["x-sdk"]
        assert ("retry_after_ms" in messages[name]["payload"]["required"]) is bool(ours[key])


def test_tasks_are_those_of_the_queues() -> None:
    """Every task in its queue."""
    assert asyncapi.tasks() == queues.QUEUE_OF


def test_events_and_codes_are_those_of_the_domain() -> None:
    """Every kind of event, every refusal, every reason of a date that moved."""
    components = asyncapi.document()["components"]
    postponed = components["messages"]["RotationPostponed"]["payload"]["properties"]["payload"]

    assert set(asyncapi.messages_in("outbox")) == set(EventKind)
    assert set(components["schemas"]["RefusalCode"]["enum"]) == set(RefusalCode)
    assert set(postponed["properties"]["because"]["enum"]) == set(Moved)


@pytest.mark.parametrize("name", sorted(asyncapi.document()["components"]["messages"]))
def test_every_message_says_what_it_is(name: str) -> None:
    """In a sentence, and its examples are valid."""
    message = asyncapi.document()["components"]["messages"][name]

    assert message["summary"].endswith(".")
    for example in message.get("examples", []):
        assert asyncapi.faults(name, example["payload"]) == []


def test_what_the_gateway_says_is_exact() -> None:
    """No frame, close or task has a member that the document does not name."""
    for operation in ("tellWidget", "closeSocket"):
        for message in asyncapi.messages_of(operation):
            payload = asyncapi.document()["components"]["messages"][message]["payload"]
            assert payload["additionalProperties"] is False, message
    for task in asyncapi.tasks():
        assert asyncapi.faults(task, {"surplus": 1}), task
