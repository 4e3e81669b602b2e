"""`widget-auth hours …`."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.connections import Connected, connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import Cell, print_facts, print_json, print_table, say, shown
from domain.json_values import Json, JsonObject
from domain.operating_hours import WEEKDAYS, OpenDay, parse_hours
from domain.projects import Project
from domain.rotations import Rotation
from services.projects import change_project
from services.read_off_hours import read_off_hours
from storage.sql.rotations import list_pending

_OPEN = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?=(.*)")
_LARGEST = 1 << 16
_NO_DATE = "at no date"
_NEVER_OFFLINE = "Chat is never offline: there are no off-hours."


@click.command()
@project_argument
@json_option
def show(project_text: str, *, as_json: bool) -> None:
    """Show when chat is open, by the project's local wall time."""
    with connected() as system, system.stores.database.reading() as db:
        _show(get_named_project(db, project_text), as_json=as_json)


@click.command("set")
@project_argument
@click.option(
    "--open",
    "opened",
    multiple=True,
    metavar="DAYS=FROM-TO[,…]",
    help="Such as mon-fri=09:00-12:30,13:30-18:00; repeatable, also for the same days."
    " Days left out are offline.",
)
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the hours from this file, as JSON.",
)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read them from standard input.")
@click.option("--never-offline", is_flag=True, help="There are no hours: chat is always open.")
@click.option("--time-zone", help="IANA name: Europe/Rome.")
@json_option
def set_hours(
    project_text: str,
    opened: Sequence[str],
    file: Path | None,
    time_zone: str | None,
    *,
    from_stdin: bool,
    never_offline: bool,
    as_json: bool,
) -> None:
    """Say when chat is open. Pending rotations for off-hours follow, unless they are pinned."""
    ways = [bool(opened), file is not None, from_stdin, never_offline]
    if sum(ways) > 1 or not (any(ways) or time_zone):
        message = "Give one of --open, --file, --stdin and --never-offline, or --time-zone alone."
        raise WrongUse("hours_invalid", message)
    changes: dict[str, Json] = {"time_zone": time_zone} if time_zone else {}
    with connected() as system:
        with system.stores.database.reading() as db:
            project = get_named_project(db, project_text)
        if any(ways):
            changes["operating_hours"] = _hours(project, opened, file, from_stdin=from_stdin)
        before = _find_pending(system, project)
        _show(change_project(system.stores, project.id, changes, system.actor), as_json=as_json)
        after = _find_pending(system, project)
    if before and after and before.id == after.id and before.due_at != after.due_at:
        say(f"The pending rotation {after.id} is due {shown(after.due_at or _NO_DATE)} now.")


@click.command()
@project_argument
@click.option("--count", type=click.IntRange(1, 50), default=5, show_default=True)
@json_option
def preview(project_text: str, count: int, *, as_json: bool) -> None:
    """Show when chat is offline next, in local time and UTC; clock changes are marked."""
    with connected() as system, system.stores.database.reading() as db:
        project = get_named_project(db, project_text)
        found = [stretch.to_json() for stretch in read_off_hours(db, project.id, count)]
    if as_json:
        print_json({"items": found})
        return
    if not found:
        say(_NEVER_OFFLINE)
        return
    columns = ("local_start", "local_end", "starts_at", "ends_at")
    rows: list[list[Cell]] = [
        [*(str(one[name]) for name in columns), "yes" if one["dst_shift"] else ""] for one in found
    ]
    print_table(("LOCAL START", "LOCAL END", "UTC START", "UTC END", "CLOCKS CHANGE"), rows)


def _find_pending(system: Connected, project: Project) -> Rotation | None:
    with system.stores.database.reading() as db:
        return next(iter(list_pending(db, project.id)), None)


def _show(project: Project, *, as_json: bool) -> None:
    if as_json:
        hours = project.operating_hours
        print_json({"time_zone": project.time_zone, "operating_hours": hours})
        return
    print_facts({"time zone": project.time_zone})
    hours_now = parse_hours(project.operating_hours)
    if hours_now is None:
        say(_NEVER_OFFLINE)
        return
    for day, intervals in zip(WEEKDAYS, hours_now.weekly, strict=True):
        print_facts({day: _day_text(intervals)})
    for one in hours_now.exceptions:
        print_facts({one.date.isoformat(): _day_text(one.open)})


def _day_text(intervals: OpenDay) -> str:
    texts = (f"{one.start:%H:%M}-{one.end:%H:%M}" for one in intervals)
    return ", ".join(texts) or "offline"


def _hours(project: Project, opened: Sequence[str], file: Path | None, *, from_stdin: bool) -> Json:
    """The hours that are given; None for never offline. Exceptions stay where only days are given.

    Raises:
        WrongUse: they are not JSON, or a day is not of the expected form.
    """
    if opened:
        before = parse_hours(project.operating_hours)
        exceptions = before.to_json()["exceptions"] if before else []
        return {"weekly": _weekly(opened), "exceptions": exceptions}
    if file is None and not from_stdin:
        return None
    raw = file.read_bytes() if file else sys.stdin.buffer.read(_LARGEST)
    try:
        hours: Json = json.loads(raw)
    except ValueError:
        raise WrongUse("hours_invalid", "The hours are not JSON.") from None
    return hours


def _weekly(opened: Sequence[str]) -> JsonObject:
    weekly: dict[str, list[Json]] = {}
    for text in opened:
        days, intervals = _days_and_intervals(text)
        for day in days:
            if day in weekly and not (weekly[day] and intervals):
                message = f"--open: {day} is given as offline, and once more."
                raise WrongUse("hours_invalid", message)
            weekly[day] = [*weekly.get(day, []), *intervals]
    return {**weekly}


def _days_and_intervals(text: str) -> tuple[Sequence[str], list[Json]]:
    found = _OPEN.fullmatch(text)
    if found is None or {found[1], found[2] or found[1]} - set(WEEKDAYS):
        message = f"--open: give days as mon-fri=09:00-17:30, not {shown(text[:64])}."
        raise WrongUse("hours_invalid", message)
    first, last = (WEEKDAYS.index(day) for day in (found[1], found[2] or found[1]))
    if last < first:
        raise WrongUse("hours_invalid", "--open: a week begins with mon; give two ranges.")
    return WEEKDAYS[first : last + 1], [list(one.split("-")) for one in found[3].split(",") if one]
