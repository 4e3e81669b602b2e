"""`widget-auth rotation …`."""

import click

from cli.connections import connected
from cli.named_projects import get_named_project
from cli.options import cursor_option, json_option, limit_option, project_argument
from cli.paging import cut, say_more
from cli.printing import print_json, print_table
from cli.receipts import print_receipt
from cli.rotation_dialogue import say_where
from cli.shapes import rotation_shape
from cli.watching import is_under_way, watch_rotation
from domain.ids import RotationId
from services.read_rotations import read_rotation, read_rotations


@click.command("list")
@project_argument
@limit_option
@cursor_option
@json_option
def list_newest(project_text: str, limit: int, cursor: str | None, *, as_json: bool) -> None:
    """List a project's rotations, newest first."""
    with connected() as system, system.stores.database.reading() as db:
        project_id = get_named_project(db, project_text).id
        found = read_rotations(db, project_id, limit=limit + 1, before=cursor)
    page, next_cursor = cut(found, limit, lambda one: one.rotation.id)
    if as_json:
        print_json({"items": [rotation_shape(one) for one in page], "next_cursor": next_cursor})
        return
    rows = [
        (
            one.id,
            one.state.value,
            one.due_at,
            one.effective_at,
            one.completed_at,
            one.sessions.closed,
        )
        for one in (each.rotation for each in page)
    ]
    print_table(("ID", "STATE", "DUE", "EFFECTIVE", "COMPLETED", "CLOSED"), rows)
    say_more(next_cursor)


@click.command()
@project_argument
@click.argument("rotation_id", metavar="ID")
@click.option("--watch", is_flag=True, help="Go on until it is over; Ctrl-C ends the watching.")
@json_option
def show(project_text: str, rotation_id: str, *, watch: bool, as_json: bool) -> None:
    """Show how far a rotation is and what it did: its receipt."""
    with connected() as system:
        with system.stores.database.reading() as db:
            project = get_named_project(db, project_text)
            found = read_rotation(db, project.id, RotationId(rotation_id))
        if watch:
            found = watch_rotation(system, found)
    if as_json:
        print_json(rotation_shape(found))
        return
    print_receipt(found)
    if watch and is_under_way(found.rotation):
        say_where(project, found)
