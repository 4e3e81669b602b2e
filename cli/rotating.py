"""`widget-auth secret rotate`."""

import click

from cli.connections import Connected, connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument
from cli.printing import print_json, say
from cli.receipts import follow_rotation
from cli.rotation_dialogue import confirm_rotation, say_where, show_impact, tell_rotation
from cli.shapes import rotation_shape
from domain.errors import Refused
from domain.ids import KeyId
from domain.projects import Project
from domain.signing_secrets import SecretState
from domain.times import from_wire
from services.read_rotations import LastUse, RotationWithUse
from services.rotate_secret import Generated, regenerate
from storage.sql.signing_secrets import list_secrets

NOW = "now"
OFF_HOURS = "off_hours"
LONGEST_REASON = 500

_LEFT_TO_RELAY = (
    "The message broker does not answer. The old secrets are revoked all the same, and no token of"
    " theirs signs in any more; the message that disconnects their sessions is repeated until it"
    " gets through."
)


class NeverOffline(Refused):
    """The project has no operating hours, so it has no off-hours. Leave --retire-previous away."""

    code = "never_offline"


class PlannedRotationUnavailable(Refused):
    """A rotation cannot be planned for a time yet. Leave --retire-previous and --force away."""

    code = "planned_rotation_unavailable"


@click.command()
@project_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--retire-previous",
    default=NOW,
    show_default=True,
    metavar="now|off_hours|TIME",
    help="When earlier secrets end; only now is possible yet.",
)
@click.option("--force", is_flag=True, help="Replace a planned rotation; not possible yet.")
@click.option("--wait", is_flag=True, help="With --json: answer when the receipt is complete.")
@click.option("--reason", help="Why: stands in the audit log and in the receipt.")
@json_option
def rotate(
    project_text: str,
    retire_previous: str,
    reason: str | None,
    *,
    yes: bool,
    force: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Generate a new secret and revoke every earlier one at once.

    Live sessions that signed in with an earlier secret are disconnected on every gateway node.
    The new secret is shown once. Without --json the rotation is followed to its receipt; Ctrl-C
    ends the following, not the rotation.
    """
    _require_possible(retire_previous, force=force)
    _require_usable(reason)
    if as_json and not yes:
        raise WrongUse("not_confirmed", "Nobody is asked with --json: add --yes.")
    with connected() as system:
        project, active = _look_up(system, project_text)
        if not as_json:
            show_impact(system, project)
        if active and not yes:
            confirm_rotation(project)
        generated = _regenerate(system, project, reason, None if yes else active)
        if system.events.left_to_relay:
            say(_LEFT_TO_RELAY)
        if as_json:
            _answer(system, project, generated, wait=wait)
        else:
            tell_rotation(system, project, generated)


def _require_possible(retire_previous: str, *, force: bool) -> None:
    if retire_previous == OFF_HOURS:
        raise NeverOffline
    if retire_previous != NOW:
        _require_time(retire_previous)
        raise PlannedRotationUnavailable
    if force:
        raise PlannedRotationUnavailable


def _require_time(text: str) -> None:
    try:
        from_wire(text)
    except ValueError:
        message = "--retire-previous: give now, off_hours, or a time as 2026-11-22T09:00:00Z."
        raise WrongUse("time_invalid", message) from None


def _require_usable(reason: str | None) -> None:
    if reason is not None and (len(reason) > LONGEST_REASON or not reason.isprintable()):
        message = f"--reason: give one line of at most {LONGEST_REASON} printable characters."
        raise WrongUse("reason_invalid", message)


def _look_up(system: Connected, project_text: str) -> tuple[Project, KeyId | None]:
    """The project, and the key that is active now."""
    with system.stores.database.reading() as db:
        project = get_named_project(db, project_text)
        secrets = list_secrets(db, project.id)
    active = (one.key_id for one in secrets if one.state is SecretState.ACTIVE)
    return project, next(active, None)


def _regenerate(
    system: Connected, project: Project, reason: str | None, expected: KeyId | None
) -> Generated:
    return system.stores.transactor.run(
        lambda transaction: regenerate(
            transaction,
            system.stores.sealer,
            project.id,
            system.actor,
            reason=reason,
            expect_active_key_id=expected,
        ),
        urgent=True,
    )


def _answer(system: Connected, project: Project, generated: Generated, *, wait: bool) -> None:
    rotation = None
    if generated.rotation:
        found = RotationWithUse(generated.rotation, LastUse())
        rotation = rotation_shape(_followed(system, project, found) if wait else found)
    print_json({"secret": generated.secret, "key_id": generated.key_id, "rotation": rotation})


def _followed(system: Connected, project: Project, found: RotationWithUse) -> RotationWithUse:
    try:
        found = follow_rotation(system, found)
    except Exception:  # noqa: BLE001 - the secret has not been shown yet, and never can be again
        say("The receipt cannot be followed here.")
    if found.rotation.completed_at is None:
        say_where(project, found)
    return found
