"""What several commands are called with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from domain.roles import Role

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
project_argument = click.argument("project_text", metavar="PROJECT")
role_option = click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="An owner is one of the whole installation: give - for PROJECT.",
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 200),
    default=50,
    show_default=True,
    help="How many at most.",
)
cursor_option = click.option("--cursor", help="The next_cursor of the page before.")


def secret_options(name: str, what: str) -> Callable[[Command], Command]:
    """The two ways to hand over a secret: `--<name>-file` and `--<name>-stdin`."""
    file_option = click.option(
        f"--{name}-file",
        "file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"Read the {what} from this file.",
    )

    def decorate(command: Command) -> Command:
        return file_option(stdin_option(name, what)(command))

    return decorate


def stdin_option(name: str, what: str) -> Callable[[Command], Command]:
    """`--<name>-stdin`."""
    return click.option(
        f"--{name}-stdin",
        "from_stdin",
        is_flag=True,
        help=f"Read the {what} from standard input.",
    )
