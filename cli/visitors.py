"""`widget-auth visitor …`."""

import click

from cli.connections import connected
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_facts, print_json, print_table
from cli.shapes import visitor_shape
from domain.custom_ids import normalise_custom_id
from storage.sql.visitors import get_person, list_devices, list_merges


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
        devices, merges = list_devices(db, found.id), list_merges(db, found.id)
    if as_json:
        print_json({"visitor": visitor_shape(found, devices, merges)})
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
    print_table(("DEVICE", "CREATED", "ENDED"), [(d.id, d.created_at, d.ended_at) for d in devices])
    print_table(
        ("MERGE", "ABSORBED", "MERGED", "UNDONE"),
        [(m.id, m.absorbed_id, m.merged_at, m.undone_at) for m in merges],
    )
