"""`widget-auth visitor …`."""

import click

from cli.connections import connected
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_facts, print_json, print_table, say
from cli.shapes import visitor_shape
from domain.custom_ids import normalise_custom_id
from services.read_visitors import read_belongings
from storage.sql.visitors import get_person


@click.command()
@project_argument
@click.option("--custom-id", required=True, help="Who the visitor is in the site's own system.")
@json_option
def show(project_text: str, custom_id: str, *, as_json: bool) -> None:
    """Show a person with their devices and the records they absorbed."""
    custom_id = normalise_custom_id(custom_id)
    with connected() as system, system.stores.database.reading() as db:
        project = get_named_project(db, project_text)
        found = get_person(db, project.id, custom_id)
        theirs = read_belongings(db, found.id)
    if as_json:
        print_json({"visitor": visitor_shape(found, theirs)})
        return
    print_facts(
        {
            "id": found.id,
            "custom id": found.custom_id,
            "name": found.name,
            "email": found.email,
            "authenticated": found.authenticated_at,
            "by key": found.authenticated_by,
        }
    )
    print_table(
        ("DEVICE", "CREATED", "ENDED"),
        [(d.id, d.created_at, d.ended_at) for d in theirs.devices],
    )
    print_table(
        ("MERGE", "ABSORBED", "MERGED", "UNDONE"),
        [(m.id, m.absorbed_id, m.merged_at, m.undone_at) for m in theirs.merges],
    )
    if theirs.more_devices or theirs.more_merges:
        say("There are more devices or merges; these are the open and the latest ones.")
