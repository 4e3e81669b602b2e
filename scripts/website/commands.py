"""The reference of the command line, made from its commands."""

from collections.abc import Iterator

import click

from cli.command_list import COMMANDS
from cli.lazy_group import LazyGroup

_HEAD = """# Command line

`widget-auth` is installed beside Python, at `.venv/bin/widget-auth` after `make run`. It works on
the database directly and is audited as `cli:` and the name of the operating system's user. PROJECT
is a project's id, or its name where only one is called so.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 unavailable. With `--json` the answer is one JSON
document on standard output, and so is a failure: `{"error":{"code","message"}}`. No secret or token
is ever an argument.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_HEAD, *_group(COMMANDS, click.Context(COMMANDS, info_name="widget-auth"))])


def _group(group: LazyGroup, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, LazyGroup):
            yield f"## {name}\n\n{command.summary}\n"
            yield from _group(command, below)
        else:
            yield from _command(command, below)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    level = "###" if context.parent and context.parent.parent else "##"
    words = context.command_path.removeprefix("widget-auth ")
    yield f"{level} {words}\n"
    yield f"```text\n{_usage(command, context)}\n```\n"
    if command.help:
        yield _prose(command.help)
    if options := list(_options(command, context)):
        yield "\n".join(["| option | what |", "|---|---|", *options, ""])


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _prose(text: str) -> str:
    """Click's help as paragraphs; a block that keeps its lines is shown as it is."""
    parts = []
    for part in text.replace("\f", "").split("\n\n"):
        if part.startswith("\b\n"):
            parts.append(f"```text\n{part.removeprefix(chr(8) + chr(10))}\n```")
        else:
            parts.append(part)
    return "\n\n".join(parts) + "\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None or not isinstance(parameter, click.Option):
            continue
        option, what = (part.replace("|", "\\|") for part in record)
        yield f"| `{option}` | {what} |"
