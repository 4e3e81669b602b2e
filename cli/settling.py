"""`widget-auth project settle`."""

import click

from cli.connections import Connected, connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_facts, print_json, say
from cli.rotation_dialogue import confirm
from cli.shapes import begun_shape
from domain.projects import Project
from services.settle_projects import NotHalted, Settled, settle_project

_WHAT = """\
The database has lost commits of this project that Redis still knows of, revocations among them:
it was restored from a backup, say, or failed over to a copy that was behind. Until it is settled
nobody can sign in.

Where only the end of a retiring secret was lost, that is done again, and the secret that had taken
over stays. Otherwise the secret that the site signs with may be lost: every earlier one is
revoked, their sessions are disconnected, and there is a new secret for the site to deploy.

First see to it that the database loses nothing more, and bring back what you can."""
_ONCE = "The new shared secret. It is shown now and never again: store it in the site's back end."
_KEPT = "No new secret was needed: the site goes on signing with the one that it has."


@click.command()
@project_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def settle(project_text: str, *, yes: bool, as_json: bool) -> None:
    """Let a halted project go on: what its database has lost is revoked for good."""
    if as_json and not yes:
        raise WrongUse("not_confirmed", "Nobody is asked with --json: add --yes.")
    with connected() as system:
        project = _look_up(system, project_text)
        if not yes:
            say(_WHAT)
            confirm(f"Settle {project.name}?")
        settled = settle_project(system.stores, project.id, system.actor)
    if as_json:
        _answer(project, settled)
    else:
        _tell(settled)


def _look_up(system: Connected, project_text: str) -> Project:
    with system.stores.database.reading() as db:
        project = get_named_project(db, project_text)
    if not project.is_halted:
        raise NotHalted
    return project


def _answer(project: Project, settled: Settled) -> None:
    made = settled.generated
    print_json(
        {
            "project_id": project.id,
            "epoch": settled.epoch,
            "secret": made.secret if made else None,
            "key_id": made.key_id if made else None,
            "rotation": begun_shape(settled.rotation),
        }
    )


def _tell(settled: Settled) -> None:
    if settled.generated:
        say(_ONCE)
        print_facts({"secret": settled.generated.secret, "key id": settled.generated.key_id})
    else:
        say(_KEPT)
    rotation = settled.rotation
    print_facts({"epoch": settled.epoch, "rotation": rotation.id if rotation else None})
