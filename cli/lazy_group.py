"""A group of commands of which only the one that is asked for is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

import click


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is, as `module:name`, and its line in the list of commands."""

    where: str
    summary: str

    def load(self) -> click.Command:
        """The command, with all that it needs."""
        module, _, name = self.where.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class LazyGroup(click.Group):
    """Lists its commands without loading them, so that asking for help costs nothing.

    It also keeps processes apart: what the gateway must not hold is never loaded into it.
    """

    def __init__(self, name: str, summary: str, members: "Members") -> None:
        help_options = {"help_option_names": ["-h", "--help"]}
        super().__init__(name, help=summary, context_settings=help_options)
        self.summary = summary
        self.members = dict(members)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which they were given."""
        return list(self.members)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, loaded; None if there is none of that name."""
        found = self.members.get(cmd_name)
        return found.load() if isinstance(found, Place) else found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands stands in the help text."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, found.summary) for name, found in self.members.items()])


Members: TypeAlias = Mapping[str, "Place | LazyGroup"]
