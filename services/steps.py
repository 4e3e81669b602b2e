"""The steps of a change that a process may die between."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias


class Step(StrEnum):
    """What has just been done."""

    COMMITTED = "committed"
    """A use case; its events are not sent, and nobody is answered."""

    EPOCH_RAISED = "epoch_raised"
    """In Redis; no node has been told."""

    NODES_ASKED = "nodes_asked"
    """Living nodes were told; the dead sessions' records still stand."""

    SESSIONS_DROPPED = "sessions_dropped"
    """No record of a dead session is left; no answer was waited for."""

    RECEIPT_GATHERED = "receipt_gathered"
    """SQL does not know of it."""


Reached: TypeAlias = Callable[[Step], None]
"""Is told of every step. The fault suite hands one in that may stop the process there."""


def pass_by(_step: Step) -> None:
    """Nothing happens: what production has."""
