"""`widget-auth secret reveal|reseal`."""

import click

from cli.connections import connected
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_facts, print_json, say
from cli.shapes import begun_shape
from domain.ids import KeyId
from services.change_rotations import reveal as reveal_secret
from services.reseal_secrets import reseal_secrets

_ONCE = "The shared secret. It is shown now and never again: store it in the site's back end."


@click.command()
@project_argument
@click.argument("key_id", metavar="KEY_ID")
@json_option
def reveal(project_text: str, key_id: str, *, as_json: bool) -> None:
    """Show a waiting secret, one time; it takes over, and the one before it is retiring."""
    with connected() as system:
        with system.stores.database.reading() as db:
            project = get_named_project(db, project_text)
        made = system.stores.transactor.run(
            lambda t: reveal_secret(
                t, system.stores.sealer, project.id, KeyId(key_id), system.actor
            ),
            urgent=True,
        )
    if as_json:
        rotation = begun_shape(made.rotation)
        print_json({"secret": made.secret, "key_id": made.key_id, "rotation": rotation})
        return
    say(_ONCE)
    print_facts({"secret": made.secret, "key id": made.key_id})
    if made.rotation:
        print_facts({"rotation": made.rotation.id, "due": made.rotation.due_at})


@click.command()
@json_option
def reseal(*, as_json: bool) -> None:
    """Seal every secret with the first sealing key, so that an older key can be taken away.

    Stopped before the end, it says how many it has done; run it again for the rest.
    """
    with connected() as system:
        moved = reseal_secrets(system.stores, lambda: system.stop_signals.came is None)
    if as_json:
        print_json({"resealed": moved})
    else:
        print_facts({"resealed": moved})
