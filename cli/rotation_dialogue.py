"""A rotation as somebody at a terminal goes through it."""

import sys

import click

from cli.connections import Connected
from cli.failures import WrongUse
from cli.printing import print_facts, print_table, say, shown
from cli.receipts import follow_rotation, print_receipt
from cli.shapes import ANONYMOUS
from cli.when_options import when_text
from domain.errors import Refused, StorageUnavailable
from domain.projects import Project
from domain.rotation_dates import When
from domain.rotation_plans import PENDING
from domain.rotations import Rotation
from services.read_rotations import LastUse, RotationWithUse
from services.read_sessions import count_by_key
from services.rotate_secret import Generated

_UNCOUNTED = "Redis does not answer, so nobody can say how many live sessions this disconnects."
_ONCE = "The new shared secret. It is shown now and never again: store it in the site's back end."
_FIRST = "It is the project's first secret: nothing was revoked."


class NotConfirmed(Refused):
    """Nothing was changed."""

    code = "not_confirmed"


def show_impact(
    system: Connected, project: Project, rotation: Rotation | None = None, *, later: bool = False
) -> None:
    """The live sessions stand there by key, with what becomes of them.

    Args:
        system: where they are.
        project: whose they are.
        rotation: only its old key ends; without one every key does.
        later: they are asked to sign in anew meanwhile.
    """
    ended = "be asked to sign in anew" if later else "be disconnected"
    try:
        counts = count_by_key(system.stores, project.id)
    except StorageUnavailable:
        say(_UNCOUNTED)
        return
    rows = [
        (
            key_id or ANONYMOUS,
            n,
            ended if key_id and (rotation is None or key_id == rotation.old_key_id) else "stay",
        )
        for key_id, n in counts.items()
    ]
    print_table(("SIGNED IN BY", "LIVE SESSIONS", "THEY WILL"), rows)


def confirm_rotation(project: Project, when: When | None) -> None:
    """Somebody has said yes to a new secret.

    Raises:
        NotConfirmed: they have said no.
        WrongUse: nobody is there to ask.
    """
    name = shown(project.name)
    if when is None:
        confirm(f"Revoke every secret of {name} and make a new one?")
    else:
        confirm(f"Make a new secret for {name} and retire the one before it {when_text(when)}?")


def confirm(question: str) -> None:
    """Somebody has said yes.

    Raises:
        NotConfirmed: they have said no.
        WrongUse: nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise WrongUse("not_confirmed", "Nobody is there to ask: add --yes.")
    if not click.confirm(question, err=True):
        raise NotConfirmed


def tell_rotation(system: Connected, project: Project, generated: Generated) -> None:
    """The secret was shown, and the receipt when it was complete."""
    say(_ONCE)
    print_facts({"secret": generated.secret, "key id": generated.key_id})
    if generated.rotation is None:
        say(_FIRST)
        return
    if generated.rotation.state in PENDING:
        _tell_planned(project, generated.rotation)
        return
    found = follow_rotation(system, RotationWithUse(generated.rotation, LastUse()))
    print_receipt(found)
    if found.rotation.completed_at is None:
        say_where(project, found)


def _tell_planned(project: Project, rotation: Rotation) -> None:
    print_facts({"rotation": rotation.id, "state": rotation.state.value, "due": rotation.due_at})
    say(
        "The secret before it goes on verifying until then. To watch:"
        f" `widget-auth rotation show {project.id} {rotation.id} --watch`"
    )


def say_where(project: Project, found: RotationWithUse) -> None:
    """Whoever wants the receipt knows how to see it later."""
    say(
        "The rotation goes on without this command. Its receipt:"
        f" `widget-auth rotation show {project.id} {found.rotation.id}`"
    )
