"""The reference of the HTTP API, made from the OpenAPI document that the dashboard serves."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

from config.settings import DashboardSettings, load
from dashboard.api.document import document_of
from dashboard.app import make_dashboard
from scripts.website.schemas import described, table_of

Json = dict[str, Any]

_HEAD = """# HTTP API

Below `/api/v1` on the dashboard. Say who you are with `Authorization: Bearer <api key>`, or with
the dashboard's cookie and `X-CSRF-Token`. The machine-readable document is at
`/api/v1/openapi.json`; this page is made from it.

Times are ISO 8601 in UTC with a final `Z`, ids are UUIDs. Lists come in pages of 50, up to `limit`
200; a page's `next_cursor` leads to the next one and is null at the end. Bodies are JSON and at
most 64 KiB.

## Errors

Every error has this form, and a code that programs can rely on:

```json
{"error": {"code": "project_not_found", "message": "There is no such project.", "details": {}}}
```
"""


def page() -> str:
    """The whole page, as Markdown."""
    document = read_document()
    return "\n".join([_HEAD, *_errors(document), *_operations(document), *_schemas(document)])


def read_document() -> Json:
    """The document of an application that has connected to nothing."""
    nowhere = {
        "WIDGET_AUTH_DATABASE_URL": "sqlite:///nowhere.sqlite",
        "WIDGET_AUTH_REDIS_URL": "redis://nowhere.invalid",
        "WIDGET_AUTH_SEALING_KEYS": urlsafe_b64encode(bytes(32)).decode(),
        "WIDGET_AUTH_SESSION_KEY": urlsafe_b64encode(bytes(32)).decode(),
    }
    return document_of(make_dashboard(load(DashboardSettings, nowhere)).app)


def _errors(document: Json) -> Iterator[str]:
    meanings: dict[str, str] = {}
    for _, _, operation in _walk(document):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                meanings.setdefault(status, answer["description"])
    yield "| status | when |\n|---|---|"
    for status in sorted(meanings):
        yield f"| {'any other' if status == 'default' else status} | {meanings[status]} |"
    yield ""


def _operations(document: Json) -> Iterator[str]:
    last = ""
    for path, method, operation in _walk(document):
        tag = (operation.get("tags") or ["others"])[0]
        if tag != last:
            yield f"## {tag.replace('_', ' ').capitalize()}\n"
            last = tag
        yield f"### {method.upper()} {path.removeprefix('/api/v1')} {{ #{_anchor(operation)} }}\n"
        yield f"{operation['summary']} {operation.get('description', '')}\n"
        yield from _asked(document, operation)
        yield from _answered(operation)


def _asked(document: Json, operation: Json) -> Iterator[str]:
    query = [p for p in operation.get("parameters", []) if p["in"] != "path"]
    if query:
        yield "| parameter | what |\n|---|---|"
        for each in query:
            told = described(each["schema"], document)
            yield f"| `{each['name']}` | {each.get('description', '')} {told} |"
        yield ""
    if body := operation.get("requestBody"):
        [content] = body["content"].values()
        yield f"Body: {described(content['schema'], document)}\n"


def _answered(operation: Json) -> Iterator[str]:
    statuses = operation["responses"]
    good = [status for status in statuses if status.startswith("2")]
    others = [status for status in sorted(statuses) if status not in {*good, "default"}]
    for status in good:
        content = statuses[status].get("content", {})
        schema = next(iter(content.values()), {}).get("schema", {})
        told = described(schema, {}) if schema else "nothing"
        yield f"Answers {status}: {told}. Errors: {', '.join(others)}.\n"


def _schemas(document: Json) -> Iterator[str]:
    yield "## Bodies\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name} {{ #body-{name.lower()} }}\n"
        yield f"{' '.join(schema.get('description', '').split())}\n"
        if schema.get("properties"):
            yield table_of(schema, document)
        elif "enum" in schema:
            yield ", ".join(f"`{value}`" for value in schema["enum"]) + "\n"


def _walk(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _anchor(operation: Json) -> str:
    return str(operation["operationId"]).replace(".", "-")
