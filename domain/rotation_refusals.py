"""What a command about secrets and rotations is refused for."""

from domain.errors import Conflict, Invalid


class ChangedMeanwhile(Conflict):
    """The active secret is no longer the one you saw; look again before you go on."""

    code = "changed_meanwhile"


class RotationPending(Conflict):
    """An earlier rotation is not over: run it, wait for it, or replace it with force."""

    code = "rotation_pending"


class RotationOver(Conflict):
    """This rotation is over or was replaced; there is nothing left of it to change."""

    code = "rotation_over"


class NewSecretUnused(Conflict):
    """The new secret has never verified a token: a cut would lock everyone out; it needs force."""

    code = "new_secret_unused"


class SecretWaiting(Conflict):
    """The new secret was never revealed, so no site can sign with it; reveal it first."""

    code = "secret_waiting"


class AlreadyRevealed(Conflict):
    """A secret is shown one time only, and this one's is over; generate a new one."""

    code = "already_revealed"


class NothingToRotate(Conflict):
    """The project has no secret yet; generate its first."""

    code = "nothing_to_rotate"


class DateInvalid(Invalid):
    """The date of a rotation is not usable."""
