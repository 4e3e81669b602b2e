"""The steps of a node's work that its process may die between."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias


class Step(StrEnum):
    """What has just been done, or heard."""

    HELLO_READ = "hello_read"
    """The widget has said who it is; nothing is registered."""

    BATCH_FORMED = "batch_formed"
    """Requests have left their lane; no worker has heard of them."""

    OUTCOME_HEARD = "outcome_heard"
    """SQL has marked the visitor; the session is not bound."""

    BOUND = "bound"
    """Redis vouches for the session; its widget has not heard."""

    REVOCATION_HEARD = "revocation_heard"
    """The epoch stands in Redis; no socket is closed."""

    REVOKED_CLOSED = "revoked_closed"
    """The sockets are being closed; the receipt does not know."""


Reached: TypeAlias = Callable[[Step], None]
"""Is told of every step. The fault suite hands one in that may stop the process there."""


def pass_by(_step: Step) -> None:
    """Nothing happens: what production has."""
