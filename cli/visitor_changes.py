"""`widget-auth visitor sign-out` and `widget-auth visitor unmerge`."""

import click

from cli.connections import Connected, connected
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_json, say
from domain.custom_ids import normalise_custom_id
from domain.ids import MergeId, is_uuid
from domain.projects import Project
from domain.times import to_wire
from services.sign_out_everywhere import sign_out_everywhere
from services.undo_merge import undo_merge
from storage.sql.merges import MergeNotFound
from storage.sql.visitors import get_person

_LEFT_TO_RELAY = (
    "The message broker does not answer. It is done all the same, and no session or token of"
    " before is accepted any more; the message that disconnects live sessions is repeated until it"
    " gets through."
)


@click.command()
@project_argument
@click.option("--custom-id", required=True, help="Who the visitor is in the site's own system.")
@json_option
def sign_out(project_text: str, custom_id: str, *, as_json: bool) -> None:
    """Sign a person out everywhere.

    Their live sessions are disconnected on every gateway node, their devices end, and no token
    that was issued until now is accepted; a fresh one is.
    """
    custom_id = normalise_custom_id(custom_id)
    with connected() as system:
        project = _project(system, project_text)
        with system.stores.database.reading() as db:
            visitor_id = get_person(db, project.id, custom_id).id
        done = system.stores.transactor.run(
            lambda t: sign_out_everywhere(t, project.id, visitor_id, system.actor), urgent=True
        )
        if system.events.left_to_relay:
            say(_LEFT_TO_RELAY)
    if as_json:
        signed_out = {"visitor_id": done.visitor_id, "devices_ended": done.devices_ended}
        print_json({"signed_out": {**signed_out}})
    else:
        say(f"Signed out everywhere; devices ended: {done.devices_ended}.")


@click.command()
@project_argument
@click.argument("merge_id", metavar="MERGE")
@json_option
def unmerge(project_text: str, merge_id: str, *, as_json: bool) -> None:
    """Split an absorbed record off its person again, for good.

    What was written since stays with the person. The sessions and devices of both end, and the two
    records are never merged again. MERGE is the id that `visitor show` lists.
    """
    if not is_uuid(merge_id):
        raise MergeNotFound
    with connected() as system:
        project = _project(system, project_text)
        merge = system.stores.transactor.run(
            lambda t: undo_merge(t, project.id, MergeId(merge_id), system.actor), urgent=True
        )
        if system.events.left_to_relay:
            say(_LEFT_TO_RELAY)
    if as_json:
        undone_at = to_wire(merge.undone_at) if merge.undone_at else None
        print_json(
            {
                "merge": {
                    "id": merge.id,
                    "survivor_id": merge.survivor_id,
                    "absorbed_id": merge.absorbed_id,
                    "undone_at": undone_at,
                }
            }
        )
    else:
        say(f"Split: {merge.absorbed_id} stands by itself again.")


def _project(system: Connected, project_text: str) -> Project:
    with system.stores.database.reading() as db:
        return get_named_project(db, project_text)
