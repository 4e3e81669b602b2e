"""JSON schemas in words, for tables."""

import json
from typing import Any

Json = dict[str, Any]


def table_of(schema: Json, document: Json) -> str:
    """One line for each member."""
    required = set(schema.get("required", []))
    lines = ["| member | | what |", "|---|---|---|"]
    for name, member in schema["properties"].items():
        must = "" if name in required else "optional"
        about = resolved(member, document)
        said = member.get("description") or about.get("description", "")
        form = described(member, document)
        told = _one_line(f"{form}: {said}" if said else form)
        lines.append(f"| `{name}` | {must} | {told} |")
    return "\n".join([*lines, ""])


def described(schema: Json, document: Json) -> str:
    """The form of a value in a few words; a named one of an HTTP body as a link to it."""
    if "$ref" in schema:
        place = schema["$ref"]
        if place.startswith("#/components/schemas/") and "asyncapi" not in document:
            name = place.rpartition("/")[2]
            return f"[{name}](#body-{name.lower()})"
        return described(resolved(schema, document), document)
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for alternatives in ("anyOf", "oneOf", "allOf"):
        if alternatives in schema:
            return " or ".join(described(each, document) for each in schema[alternatives])
    return _typed(schema, document)


def resolved(schema: Json, document: Json) -> Json:
    """What a reference leads to; the schema itself if it is none."""
    found: Json = schema
    while "$ref" in found and document:
        target: Any = document
        for part in found["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        found = target
    return found


def _typed(schema: Json, document: Json) -> str:
    kind = schema.get("type", "any JSON")
    if isinstance(kind, list):
        return " or ".join(_typed({**schema, "type": each}, document) for each in kind)
    if kind == "array":
        return f"list of {described(schema.get('items', {}), document)}"
    if kind == "object" and schema.get("properties"):
        members = ", ".join(f"`{name}`" for name in schema["properties"])
        return f"object of {members}"
    words = [schema.get("format") or kind, *_bounds(schema)]
    return " ".join(words)


def _bounds(schema: Json) -> list[str]:
    least = schema.get("minimum", schema.get("minLength"))
    most = schema.get("maximum", schema.get("maxLength"))
    unit = " characters" if "maxLength" in schema or "minLength" in schema else ""
    if least is not None and most is not None:
        return [f"of {least} to {most}{unit}"]
    if most is not None:
        return [f"of at most {most}{unit}"]
    return [f"from {least}"] if least is not None and not unit else []


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
