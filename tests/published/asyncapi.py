"""docs/asyncapi.yaml, and what it says about one frame, close, task or event."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

ROOT = Path(__file__).parents[2]
PATH = ROOT / "docs" / "asyncapi.yaml"

QUEUES = ("verification", "revocation", "maintenance")
_URI = "urn:asyncapi"


@cache
def document() -> dict[str, Any]:
    """The document, as it is in the checkout."""
    read: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return read


def name_of(reference: Mapping[str, str]) -> str:
    """The last part of a `$ref`."""
    return reference["$ref"].rpartition("/")[2]


def messages_of(operation: str) -> list[str]:
    """The messages of an operation: those it names, or all of its channel."""
    found = document()["operations"][operation]
    if "messages" in found:
        return [name_of(each) for each in found["messages"]]
    return messages_in(name_of(found["channel"]))


def messages_in(channel: str) -> list[str]:
    """The messages of a channel."""
    return list(document()["channels"][channel]["messages"])


def type_of(message: str) -> str:
    """The `type` of the frames that this message describes."""
    return str(
        document()["components"]["messages"][message]["payload"]["properties"]["type"]["const"]
    )


@cache
def frames_of(operation: str) -> dict[str, str]:
    """The messages of an operation by the `type` of their frames."""
    return {type_of(message): message for message in messages_of(operation)}


@cache
def closes() -> dict[tuple[int, str], str]:
    """The closes by code and the reason's code."""
    messages = document()["components"]["messages"]
    return {
        (
            messages[name]["x-close-code"],
            messages[name]["payload"]["properties"]["code"]["const"],
        ): name
        for name in messages_of("closeSocket")
    }


@cache
def tasks() -> dict[str, str]:
    """The queue of every task."""
    return {task: queue for queue in QUEUES for task in messages_in(queue)}


def faults(message: str, payload: object) -> list[str]:
    """What about the payload is not as the document says; without the payload's own words."""
    return sorted(_told(_validator(message).iter_errors(payload)))


def schema_of_asyncapi(folder: Path) -> dict[str, Any]:
    """The schema of AsyncAPI 3.0 itself, out of the installed package."""
    path = folder / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def _told(errors: Iterator[Any]) -> Iterator[str]:
    for error in errors:
        place = "/".join(str(part) for part in error.absolute_path) or "payload"
        rule = "/".join(str(part) for part in error.absolute_schema_path)
        yield f"{place}: {rule}"
        yield from (f"  {told}" for told in _told(iter(error.context or [])))


@cache
def _validator(message: str) -> Draft7Validator:
    resource = Resource.from_contents(document(), default_specification=DRAFT7)
    registry: Registry[Any] = Registry().with_resource(_URI, resource)
    place = f"{_URI}#/components/messages/{message}/payload"
    return Draft7Validator({"$ref": place}, registry=registry)
