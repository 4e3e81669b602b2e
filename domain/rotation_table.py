"""Every transition of a project's secrets and rotations: phase × command → what becomes of them.

The one table that the rules carry out, that the tests go through and that the documentation shows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from domain.errors import Conflict
from domain.rotation_refusals import (
    AlreadyRevealed,
    NewSecretUnused,
    NothingToRotate,
    RotationOver,
    RotationPending,
    SecretWaiting,
)
from domain.rotation_transitions import Cell, Command, Dating, Phase, Transition
from domain.rotations import Moved, RotationState
from domain.signing_secrets import SecretState

_WAITING, _ACTIVE = SecretState.WAITING, SecretState.ACTIVE
_RETIRING, _REVOKED = SecretState.RETIRING, SecretState.REVOKED
_SCHEDULED, _OVERLAPPING = RotationState.SCHEDULED, RotationState.OVERLAPPING
_CUTTING, _SUPERSEDED = RotationState.CUTTING, RotationState.SUPERSEDED

_OVERLAPS = (Phase.UNUSED, Phase.USED)
_CANCELLED = (Phase.CANCELLED_UNUSED, Phase.CANCELLED_USED)
_UNUSED = (Phase.UNUSED, Phase.CANCELLED_UNUSED)
_USED = (Phase.USED, Phase.CANCELLED_USED)
_DATED = (Phase.WAITING, *_OVERLAPS)

_FIRST = Transition(Phase.STEADY, new=_ACTIVE)
_ENDS_ALL = Transition(Phase.STEADY, new=_ACTIVE, active=_REVOKED, begun=_CUTTING, date=Dating.NOW)
_ENDS_BOTH = replace(_ENDS_ALL, retiring=_REVOKED)
_OVERLAP_BEGINS = Transition(
    Phase.UNUSED, new=_ACTIVE, active=_RETIRING, begun=_OVERLAPPING, date=Dating.ASKED
)
_UNUSED_REPLACED = replace(_OVERLAP_BEGINS, active=_REVOKED)
_OLDER_CUT = replace(_OVERLAP_BEGINS, retiring=_REVOKED, standing=_CUTTING)
_CUT = Transition(Phase.STEADY, retiring=_REVOKED, standing=_CUTTING)
_CUT_NOW = replace(_CUT, date=Dating.NOW)


def _row(*parts: Mapping[Phase, Cell], otherwise: type[Conflict] | None) -> Mapping[Phase, Cell]:
    """A cell for each phase: what the parts say, later ones first; else the refusal or nothing."""
    row: dict[Phase, Cell] = {phase: otherwise or Transition(phase) for phase in Phase}
    for part in parts:
        row |= part
    return MappingProxyType(row)


def _in(phases: Iterable[Phase], cell: Cell) -> dict[Phase, Cell]:
    return dict.fromkeys(phases, cell)


def _dated(
    phases: Iterable[Phase], date: Dating, because: Moved | None = None
) -> dict[Phase, Cell]:
    return {phase: Transition(phase, date=date, because=because) for phase in phases}


_WAITING_POSTPONED = _dated([Phase.WAITING], Dating.NEXT, Moved.SECRET_WAITING)

TABLE: Mapping[Command, Mapping[Phase, Cell]] = MappingProxyType(
    {
        Command.REGENERATE: _row(
            {Phase.EMPTY: _FIRST, Phase.STEADY: _ENDS_ALL},
            {Phase.WAITING: replace(_ENDS_ALL, waiting=_REVOKED, standing=_SUPERSEDED)},
            _in(_OVERLAPS, replace(_ENDS_BOTH, standing=_SUPERSEDED)),
            _in(_CANCELLED, _ENDS_BOTH),
            otherwise=None,
        ),
        Command.PLAN: _row(
            {Phase.EMPTY: _FIRST, Phase.STEADY: _OVERLAP_BEGINS},
            otherwise=RotationPending,
        ),
        Command.PLAN_FORCED: _row(
            {Phase.EMPTY: _FIRST, Phase.STEADY: replace(_OVERLAP_BEGINS, unguarded=True)},
            {Phase.WAITING: replace(_OVERLAP_BEGINS, waiting=_REVOKED, standing=_SUPERSEDED)},
            {Phase.UNUSED: replace(_UNUSED_REPLACED, standing=_SUPERSEDED)},
            {Phase.CANCELLED_UNUSED: _UNUSED_REPLACED},
            _in(_USED, _OLDER_CUT),
            otherwise=None,
        ),
        Command.SCHEDULE: _row(
            {Phase.EMPTY: NothingToRotate},
            {
                Phase.STEADY: Transition(
                    Phase.WAITING, new=_WAITING, begun=_SCHEDULED, date=Dating.ASKED
                )
            },
            otherwise=RotationPending,
        ),
        Command.REVEAL: _row(
            {
                Phase.WAITING: Transition(
                    Phase.UNUSED, waiting=_ACTIVE, active=_RETIRING, standing=_OVERLAPPING
                )
            },
            otherwise=AlreadyRevealed,
        ),
        Command.RESCHEDULE: _row(
            _dated(_DATED, Dating.ASKED),
            {
                cancelled: Transition(phase, standing=_OVERLAPPING, date=Dating.ASKED)
                for cancelled, phase in zip(_CANCELLED, _OVERLAPS, strict=True)
            },
            otherwise=RotationOver,
        ),
        Command.PIN: _row(
            _dated(_DATED, Dating.BY_HOURS, Moved.HOURS_CHANGED),
            _dated(_CANCELLED, Dating.KEPT),
            otherwise=RotationOver,
        ),
        Command.CANCEL: _row(
            {
                Phase.WAITING: Transition(
                    Phase.STEADY,
                    waiting=_REVOKED,
                    standing=RotationState.CANCELLED,
                    date=Dating.REMOVED,
                )
            },
            {
                phase: Transition(cancelled, standing=RotationState.CANCELLED, date=Dating.REMOVED)
                for cancelled, phase in zip(_CANCELLED, _OVERLAPS, strict=True)
            },
            _dated(_CANCELLED, Dating.KEPT),
            otherwise=RotationOver,
        ),
        Command.RUN: _row(
            {Phase.WAITING: SecretWaiting},
            _in(_UNUSED, NewSecretUnused),
            _in(_USED, _CUT_NOW),
            otherwise=RotationOver,
        ),
        Command.RUN_FORCED: _row(
            {Phase.WAITING: SecretWaiting},
            _in(_UNUSED, replace(_CUT_NOW, unguarded=True)),
            _in(_USED, _CUT_NOW),
            otherwise=RotationOver,
        ),
        Command.DUE: _row(
            _WAITING_POSTPONED,
            _dated([Phase.UNUSED], Dating.NEXT, Moved.NEW_SECRET_UNUSED),
            {Phase.USED: _CUT},
            otherwise=None,
        ),
        Command.DUE_FORCED: _row(_WAITING_POSTPONED, _in(_OVERLAPS, _CUT), otherwise=None),
        Command.DUE_OUTSIDE: _row(_dated(_DATED, Dating.NEXT, Moved.WINDOW_MISSED), otherwise=None),
        Command.HOURS: _row(_dated(_DATED, Dating.BY_HOURS, Moved.HOURS_CHANGED), otherwise=None),
    }
)


def transition(phase: Phase, command: Command) -> Transition:
    """What the command does in this phase.

    Raises:
        Conflict: that it is refused, and why.
    """
    cell = TABLE[command][phase]
    if isinstance(cell, Transition):
        return cell
    raise cell
