"""`widget-auth rotation cancel|run|reschedule|policy`."""

import click

from cli.connections import Connected, connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_facts, print_json
from cli.receipts import follow_rotation, print_receipt
from cli.rotation_dialogue import confirm, say_where, show_impact
from cli.shapes import rotation_shape
from cli.when_options import read_when, when_options
from domain.ids import RotationId
from domain.projects import Project
from domain.rotations import Rotation, RotationState
from domain.times import to_wire
from services import change_rotations
from services.read_rotations import RotationWithUse, read_rotation
from services.rotation_policies import MOST_DAYS, read_policy, set_policy

_NOBODY_IS_ASKED = "Nobody is asked with --json: add --yes."

rotation_argument = click.argument("rotation_id", metavar="ID")


@click.command()
@project_argument
@rotation_argument
@click.option("--yes", is_flag=True, help="Do not ask, where a secret is revoked by it.")
@json_option
def cancel(project_text: str, rotation_id: str, *, yes: bool, as_json: bool) -> None:
    """Take a rotation's date away; a secret that was never revealed is revoked.

    Otherwise both its secrets stay valid, and it can be run or given a date again until another
    secret is made.
    """
    with connected() as system:
        project = _look_up(system, project_text)
        if not yes:
            _confirm_cancelling(_read(system, project, rotation_id).rotation, as_json=as_json)
        place = project.id, RotationId(rotation_id), system.actor
        system.stores.transactor.run(lambda t: change_rotations.cancel(t, *place), urgent=True)
        _show(_read(system, project, rotation_id), as_json=as_json)


@click.command()
@project_argument
@rotation_argument
@when_options(None, "off_hours|TIME", "When its old secret is to end.")
@click.option("--pinned/--unpinned", default=None, help="Whether changed hours leave it alone.")
@json_option
def reschedule(
    project_text: str,
    rotation_id: str,
    retire_previous: str,
    stretch_minutes: int,
    *,
    pinned: bool | None,
    as_json: bool,
) -> None:
    """Give a rotation that is under way another date; also one that was cancelled."""
    when = read_when(retire_previous, stretch_minutes)
    if when is None:
        message = "--retire-previous: give off_hours or a time; `rotation run` ends it now."
        raise WrongUse("time_invalid", message)
    with connected() as system:
        project = _look_up(system, project_text)
        place = project.id, RotationId(rotation_id), system.actor
        system.stores.transactor.run(
            lambda t: change_rotations.reschedule(t, *place, when, pinned=pinned), urgent=True
        )
        _show(_read(system, project, rotation_id), as_json=as_json)


@click.command()
@project_argument
@rotation_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Although the new secret was never used.")
@click.option("--wait", is_flag=True, help="With --json: answer when the receipt is complete.")
@json_option
def run(
    project_text: str, rotation_id: str, *, yes: bool, force: bool, wait: bool, as_json: bool
) -> None:
    """Revoke a rotation's old secret now, whatever its date.

    Live sessions that signed in with it are disconnected on every gateway node.
    """
    if as_json and not yes:
        raise WrongUse("not_confirmed", _NOBODY_IS_ASKED)
    with connected() as system:
        project = _look_up(system, project_text)
        found = _read(system, project, rotation_id)
        if not as_json:
            show_impact(system, project, found.rotation)
        if not yes:
            confirm(f"Revoke {found.rotation.old_key_id} now?")
        place = project.id, RotationId(rotation_id), system.actor
        system.stores.transactor.run(
            lambda t: change_rotations.run_now(t, *place, force=force), urgent=True
        )
        found = _read(system, project, rotation_id)
        if wait or not as_json:
            found = follow_rotation(system, found)
        _show(found, as_json=as_json)
        if not as_json and found.rotation.completed_at is None:
            say_where(project, found)


@click.command()
@project_argument
@click.option("--every-days", type=click.IntRange(1, MOST_DAYS), help="So old a secret gets.")
@click.option("--off", is_flag=True, help="New secrets are made only when asked for.")
@json_option
def policy(project_text: str, every_days: int | None, *, off: bool, as_json: bool) -> None:
    """Show or set after how many days a new secret is made.

    It waits until somebody has it shown (`secret reveal`); then the overlap begins.
    """
    if off and every_days:
        raise WrongUse("wrong_use", "Give --every-days or --off, not both.")
    with connected() as system:
        project = _look_up(system, project_text)
        if off or every_days:
            system.stores.transactor.run(
                lambda t: set_policy(t, project.id, every_days, system.actor), urgent=True
            )
        with system.stores.database.reading() as db:
            found = read_policy(db, project.id)
    days, due_at = (found.every_days, found.due_at) if found else (None, None)
    if as_json:
        print_json({"every_days": days, "due_at": to_wire(due_at) if due_at else None})
    else:
        print_facts({"every days": days, "due": due_at})


def _confirm_cancelling(rotation: Rotation, *, as_json: bool) -> None:
    """Somebody has said yes to the end of a secret that waits; nobody is asked where none does.

    Raises:
        NotConfirmed: they have said no.
        WrongUse: nobody is there to ask.
    """
    if rotation.state is not RotationState.SCHEDULED:
        return
    if as_json:
        raise WrongUse("not_confirmed", _NOBODY_IS_ASKED)
    confirm(f"Revoke {rotation.new_key_id}, which was never revealed?")


def _look_up(system: Connected, project_text: str) -> Project:
    with system.stores.database.reading() as db:
        return get_named_project(db, project_text)


def _read(system: Connected, project: Project, rotation_id: str) -> RotationWithUse:
    with system.stores.database.reading() as db:
        return read_rotation(db, project.id, RotationId(rotation_id))


def _show(found: RotationWithUse, *, as_json: bool) -> None:
    if as_json:
        print_json(rotation_shape(found))
    else:
        print_receipt(found)
