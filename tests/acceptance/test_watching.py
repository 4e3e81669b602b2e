"""`rotation show --watch` at a real terminal, through an overlap to its receipt."""

import asyncio
import os
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.times import to_wire
from tests.acceptance.sites import Site
from tests.acceptance.system import System
from tests.acceptance.widget import Widget
from tests.integration.cli.commands import CommandLine
from tests.integration.cli.terminals import Terminal

# What is shown is the same whatever the database.
pytestmark = pytest.mark.parametrize("system", ["sqlite"], indirect=True)

BAR = "Overlap [━╸╺]{20,} +0:[0-5][0-9]:[0-5][0-9] to go, 1 session left by the old key"
PREFIX = "WIDGET_AUTH_"


@pytest.fixture
def cli(system: System, tmp_path: Path) -> CommandLine:
    """The command line of the running system."""
    settings = {name.removeprefix(PREFIX): text for name, text in system.environ.items()}
    return CommandLine(settings, tmp_path)


def watching(cli: CommandLine, site: Site, rotation_id: str) -> Terminal:
    """Somebody watches that rotation."""
    return Terminal(cli, "rotation", "show", site.project_id, rotation_id, "--watch")


async def first_asked(widgets: dict[str, Widget]) -> str:
    """Who of them is the first to be asked for a fresh token."""
    hearing = {asyncio.create_task(widget.receive()): who for who, widget in widgets.items()}
    heard, others = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    asked = next(iter(heard))
    assert asked.result()["reason"] == "secret_retiring"
    return hearing[asked]


async def live_through(site: Site, cli: CommandLine) -> tuple[Terminal, int, list[Any]]:
    """One widget moves to the new secret, the other stays; both see the cut."""
    async with site.widget() as ada, site.widget() as bob:
        widgets = {"ada": ada, "bob": bob}
        for who, widget in widgets.items():
            await widget.signed_in(site.token(who))
        rotation_id = site.plan()
        with watching(cli, site, rotation_id) as terminal:
            await asyncio.to_thread(terminal.read_until, "2 sessions left by the old key")
            mover = await first_asked(widgets)
            await widgets[mover].signed_in(site.token(mover))
            await asyncio.to_thread(terminal.read_until, "1 session left by the old key")
            later = to_wire(datetime.now(UTC) + timedelta(minutes=40))
            assert (await asyncio.to_thread(site.reschedule, rotation_id, later)).status_code == 200
            await asyncio.to_thread(terminal.read_until, f"overlapping, due {later}")
            await asyncio.to_thread(site.cut_soon, rotation_id)
            code = await asyncio.to_thread(terminal.read_to_end)
        moved = widgets.pop(mover)
        [stayed] = widgets.values()
        closed, _ = await stayed.closing()
        return terminal, code, [closed, await moved.is_alive()]


def test_an_overlap_is_watched_to_its_receipt(site: Site, cli: CommandLine) -> None:
    """How long it is and how many sessions are left, then what came of it."""
    terminal, code, seen = asyncio.run(live_through(site, cli))

    assert (code, seen) == (0, [4401, True])
    assert re.search(BAR, terminal.shown), repr(terminal.shown)
    receipt = terminal.shown[terminal.shown.index("RECEIPT") :]
    for fact in ("state +completed", "sessions targeted +1", "sessions closed +1"):
        assert re.search(fact, receipt)
    assert re.search(r"nodes answered +1", receipt)


def test_ctrl_c_ends_the_watching_only(site: Site, cli: CommandLine) -> None:
    """The rotation goes on to its receipt with nobody looking."""

    async def use_the_new_secret() -> None:
        async with Widget(site.system.socket_url(site.project_id)) as widget:
            await widget.signed_in(site.token())

    rotation_id = site.plan()
    asyncio.run(use_the_new_secret())
    with watching(cli, site, rotation_id) as terminal:
        terminal.read_until("0 sessions left by the old key")
        os.killpg(terminal.process.pid, signal.SIGINT)
        code = terminal.read_to_end()

    assert code == 0
    assert re.search(r"state +overlapping", terminal.shown)
    assert "The rotation goes on without this command" in terminal.shown
    due_at = site.cut_soon(rotation_id)
    assert site.completed_receipt(rotation_id)["effective_at"] >= due_at


def test_what_cannot_be_watched_is_told(site: Site, cli: CommandLine) -> None:
    """No such rotation is 1; a database that does not answer is 3; what is over ends at once."""
    watch = ("rotation", "show", site.project_id, "nothing", "--watch", "--json")
    assert cli(*watch).error == (1, "rotation_not_found")
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    assert cli(*watch, settings=away).error == (3, "unavailable")
    rotation_id = site.regenerate()["rotation"]["id"]

    over = cli("rotation", "show", site.project_id, rotation_id, "--watch", "--json")

    assert (over.code, over.document["state"]) == (0, "completed")
