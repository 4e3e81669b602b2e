"""The reference of settings, made from the classes that read them."""

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config import settings

_PROCESSES = {
    "gateway": settings.GatewaySettings,
    "dashboard": settings.DashboardSettings,
    "workers, beat": settings.WorkerSettings,
    "command line": settings.CliSettings,
}
_HEAD = """# Settings

All are environment variables, in development also lines of `.env`. Each kind of process reads those
that it may know and no others, once, at its start; it refuses to start with one line for each that
is missing or wrong.

`…_KEYS` are comma-separated, each 32 bytes as URL-safe base64: the first seals, all open.
`deploy/new-secrets` makes all that containers need. Keys are renewed in
[an order of their own](../deployment.md#renewing-keys).

| variable | what | default | read by |
|---|---|---|---|
"""


def page() -> str:
    """The whole page, as Markdown."""
    said = sayings()
    rows = [
        [f"`{settings.setting_name(name)}`", said.get(name, ""), _default(field), readers]
        for name, (field, readers) in sorted(_fields().items())
    ]
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def sayings() -> dict[str, str]:
    """What stands in the code under each field, by the field's name."""
    tree = ast.parse(inspect.getsource(settings))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {name: text for each in classes for name, text in _said_in(each)}


def _said_in(declared: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(declared.body, declared.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            yield field.target.id, str(after.value.value)


def _fields() -> dict[str, tuple[FieldInfo, str]]:
    names = {name for each in _PROCESSES.values() for name in each.model_fields}
    found: dict[str, tuple[FieldInfo, str]] = {}
    for name in names:
        readers = [who for who, each in _PROCESSES.items() if name in each.model_fields]
        field = next(e.model_fields[name] for e in _PROCESSES.values() if name in e.model_fields)
        told = "all" if len(readers) == len(_PROCESSES) else ", ".join(readers)
        found[name] = field, told
    return found


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value is PydanticUndefined or value is None or value == ():
        return ""
    return f"`{int(value) if isinstance(value, bool) else value}`"
