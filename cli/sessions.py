"""`widget-auth sessions`."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.connections import Connected, connected
from cli.named_projects import get_named_project
from cli.options import json_option, limit_option, project_argument
from cli.printing import (
    Cell,
    make_table,
    on_terminal,
    print_facts,
    print_json,
    print_table,
    terminal,
)
from cli.shapes import ANONYMOUS, session_shape
from domain.ids import KeyId, ProjectId
from services.read_sessions import LiveSession, count_by_key, list_live_sessions

WATCH_SECONDS = 1.0

_COLUMNS = ("SESSION", "VISITOR", "SIGNED IN BY", "NODE", "CONNECTED")


@dataclass(frozen=True, slots=True)
class Sight:
    """The live sessions of a project at one moment: all counted, some listed."""

    counts: dict[KeyId | None, int]
    listed: list[LiveSession]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def by_key(self) -> dict[str, int]:
        """How many each key vouches for, and how many are anonymous."""
        return {key_id or ANONYMOUS: count for key_id, count in self.counts.items()}

    def shape(self) -> dict[str, object]:
        """As JSON."""
        return {
            "total": self.total,
            "by_key": self.by_key(),
            "sessions": [session_shape(session) for session in self.listed],
        }

    def rows(self) -> list[tuple[Cell, ...]]:
        """The listed ones, for a table."""
        return [
            (one.id, one.visitor_id, one.key_id or ANONYMOUS, one.node_id, one.connected_at)
            for one in self.listed
        ]


@click.command()
@project_argument
@click.option("--watch", is_flag=True, help="Look again every second, until Ctrl-C.")
@limit_option
@json_option
def sessions(project_text: str, limit: int, *, watch: bool, as_json: bool) -> None:
    """Show the live sessions of a project: all counted by key, and some of them listed.

    With --watch and --json there is one document a line.
    """
    with connected() as system:
        with system.stores.database.reading() as db:
            project_id = get_named_project(db, project_text).id
        sights = _sights(system, project_id, limit)
        if not watch:
            _print(next(sights), as_json=as_json)
            return
        with suppress(KeyboardInterrupt):
            _watch(sights, as_json=as_json)


def _sights(system: Connected, project_id: ProjectId, limit: int) -> Iterator[Sight]:
    while True:
        some = list(islice(list_live_sessions(system.stores, project_id), limit))
        some.sort(key=lambda session: session.connected_at, reverse=True)
        yield Sight(count_by_key(system.stores, project_id), some)


def _watch(sights: Iterator[Sight], *, as_json: bool) -> None:
    if as_json or not on_terminal():
        for sight in sights:
            _print(sight, as_json=as_json)
            time.sleep(WATCH_SECONDS)
        return
    with Live(console=terminal(), screen=True) as live:
        for sight in sights:
            live.update(_drawn(sight), refresh=True)
            time.sleep(WATCH_SECONDS)


def _print(sight: Sight, *, as_json: bool) -> None:
    if as_json:
        print_json(sight.shape())
        return
    print_facts({"total": sight.total, **sight.by_key()})
    print_table(_COLUMNS, sight.rows())


def _drawn(sight: Sight) -> Group:
    counts = make_table(("SIGNED IN BY", "LIVE SESSIONS"), list(sight.by_key().items()))
    return Group(Text(f"{sight.total} live sessions"), counts, make_table(_COLUMNS, sight.rows()))
