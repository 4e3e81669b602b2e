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
from cli.when_options import NOW, read_when, when_options
from domain.ids import KeyId
from domain.projects import Project
from domain.rotation_dates import When
from domain.rotation_refusals import ChangedMeanwhile
from domain.signing_secrets import SecretState
from services.read_rotations import LastUse, RotationWithUse
from services.rotate_secret import Generated, SecretWish, generate
from services.rotations import load_situation
from services.transactions import Transaction
from storage.sql.signing_secrets import list_secrets

LONGEST_REASON = 500

_LEFT_TO_RELAY = (
    "The message broker does not answer. The old secrets are revoked all the same, and no token of"
    " theirs signs in any more; the message that disconnects their sessions is repeated until it"
    " gets through."
)


@click.command()
@project_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@when_options(
    NOW, "now|off_hours|TIME", "When the previous secret ends; now ends all earlier ones."
)
@click.option("--force", is_flag=True, help="Plan it although another rotation is not over.")
@click.option("--pinned", is_flag=True, help="With a date: changed hours leave it alone.")
@click.option("--wait", is_flag=True, help="With --json: answer when the receipt is complete.")
@click.option("--reason", help="Why: stands in the audit log and in the receipt.")
@json_option
def rotate(  # noqa: PLR0913 - every option is an argument
    project_text: str,
    retire_previous: str,
    stretch_minutes: int,
    reason: str | None,
    *,
    yes: bool,
    force: bool,
    pinned: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Generate a new secret; revoke every earlier one at once, or the last one later.

    At once: live sessions that signed in with an earlier secret are disconnected on every gateway
    node. Later: both secrets verify until the date, and live sessions are asked to sign in anew;
    only those that have not are disconnected.
    The new secret is shown once. Without --json a rotation that has begun is followed to its
    receipt; Ctrl-C ends the following, not the rotation.
    """
    when = read_when(retire_previous, stretch_minutes)
    _require_dated(when, pinned=pinned)
    _require_usable(reason)
    if as_json and not yes:
        raise WrongUse("not_confirmed", "Nobody is asked with --json: add --yes.")
    with connected() as system:
        project, active = _look_up(system, project_text)
        if not as_json:
            show_impact(system, project, later=when is not None)
        if active and not yes:
            confirm_rotation(project, when)
        expected = None if yes else active
        wish = SecretWish(when, force, pinned, reason, expected)
        generated = _generate(system, project, wish, unasked=not yes and active is None)
        if system.events.left_to_relay:
            say(_LEFT_TO_RELAY)
        if as_json:
            _answer(system, project, generated, wait=wait)
        else:
            tell_rotation(system, project, generated)


def _require_dated(when: When | None, *, pinned: bool) -> None:
    """A date can be pinned, and now is none: whoever pins did not mean to revoke at once.

    Raises:
        WrongUse: there is nothing to pin.
    """
    if pinned and when is None:
        message = "--pinned goes with --retire-previous off_hours, or with a time."
        raise WrongUse("time_invalid", message)


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


def _generate(system: Connected, project: Project, wish: SecretWish, *, unasked: bool) -> Generated:
    def use_case(transaction: Transaction) -> Generated:
        if unasked and load_situation(transaction, project.id).find(SecretState.ACTIVE):
            raise ChangedMeanwhile  # there was nothing to ask about, and now there is
        return generate(transaction, system.stores.sealer, project.id, system.actor, wish)

    return system.stores.transactor.run(use_case, urgent=True)


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
