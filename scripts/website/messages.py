"""The references of the socket and of the queues, made from docs/asyncapi.yaml."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.website.schemas import resolved, table_of

Json = dict[str, Any]

PATH = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"

_SOCKET_HEAD = """# The widget's socket

`GET /v1/socket?project=<id>` on the gateway, upgraded with the sub-protocol `widget-auth.v1`. This
page is made from [asyncapi.yaml](../asyncapi.yaml), against which the tests hold every frame.
"""
_QUEUES_HEAD = """# Tasks and events

What goes through the queues, and the facts that leave through the outbox. This page is made from
[asyncapi.yaml](../asyncapi.yaml), against which the tests hold every task and event.

Tasks are Celery's, protocol 2, in JSON: a message's body is `[[], <arguments>, {…}]`. Names and
arguments are the contract, so anything that speaks Celery can send or take one.
"""


def socket_page() -> str:
    """Frames both ways, and closes."""
    document = _read()
    channel = document["channels"]["socket"]
    return "\n".join(
        [
            _SOCKET_HEAD,
            f"{channel['description']}\n",
            *_operation(document, "hearWidget"),
            *_operation(document, "tellWidget"),
            *_closes(document),
            *_refusals(document),
        ]
    )


def queues_page() -> str:
    """Tasks by queue, and events."""
    document = _read()
    parts = [_QUEUES_HEAD]
    for name in ("verification", "revocation", "maintenance", "outbox"):
        channel = document["channels"][name]
        parts.append(
            f"## {channel['title']}\n\nAt `{channel['address']}`. {channel['description']}\n"
        )
        for message in channel["messages"].values():
            parts += _message(document, resolved(message, document))
    return "\n".join(parts)


def _read() -> Json:
    document: Json = yaml.safe_load(PATH.read_text())
    return document


def _operation(document: Json, name: str) -> Iterator[str]:
    operation = document["operations"][name]
    yield f"## {operation['title']}\n"
    for message in operation["messages"]:
        yield from _message(document, resolved(message, document))


def _message(document: Json, message: Json) -> Iterator[str]:
    yield f"### {message['title']}\n"
    yield f"{message['summary']} {message.get('description', '')}\n"
    payload = resolved(message["payload"], document)
    if payload.get("properties"):
        yield table_of(payload, document)
    inner = payload.get("properties", {})
    if nested := inner.get("requests", {}).get("items"):
        yield f"Each of `requests`:\n\n{table_of(nested, document)}"
    if "kind" in inner:
        yield from _payloads(document, inner["payload"])
    for example in message.get("examples", []):
        yield f"```json\n{json.dumps(example['payload'], indent=2, ensure_ascii=False)}\n```\n"


def _payloads(document: Json, payload: Json) -> Iterator[str]:
    for form in payload.get("oneOf", [payload]):
        about = form.get("description", "")
        yield f"Its `payload`{': ' + about if about else ':'}\n\n{table_of(form, document)}"


def _closes(document: Json) -> Iterator[str]:
    yield f"## {document['operations']['closeSocket']['title']}\n"
    yield "The close frame's reason is JSON: `code`, and `retry_after_ms` where it is marked.\n"
    yield "| code | reason | when | what the SDK does |\n|---|---|---|---|"
    for reference in document["operations"]["closeSocket"]["messages"]:
        message = resolved(resolved(reference, document), document)
        payload = message["payload"]
        wait = ", `retry_after_ms`" if "retry_after_ms" in payload["properties"] else ""
        reason = payload["properties"]["code"]["const"]
        cells = (f"`{reason}`{wait}", message["summary"], message["x-sdk"])
        yield f"| {message['x-close-code']} | {' | '.join(' '.join(c.split()) for c in cells)} |"
    yield ""


def _refusals(document: Json) -> Iterator[str]:
    codes = document["components"]["schemas"]["RefusalCode"]["enum"]
    yield "## Codes of refusals\n"
    yield "What each means, and what to do: [the JWT guide](../jwt-guide.md).\n"
    yield ", ".join(f"`{code}`" for code in codes) + "\n"
