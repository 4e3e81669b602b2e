"""Following a rotation to its receipt, and printing that."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.connections import Connected
from cli.printing import Cell, on_terminal, print_facts, print_table, terminal
from domain.errors import StorageUnavailable
from domain.receipts import SessionCounts
from domain.rotations import Rotation, RotationState
from services.read_rotations import RotationWithUse, read_rotation
from services.receipts import gather_receipt, revocation_of, with_receipt

FOLLOW_SECONDS = 30.0
"""Twice what a crash of anything may delay a revocation by."""

POLL_SECONDS = 0.1


def follow_rotation(system: Connected, begun: RotationWithUse) -> RotationWithUse:
    """The rotation, whose cut was made, completed; or as it stood after half a minute or at Ctrl-C.

    Where signals to stop are held, any of them ends it like Ctrl-C.

    It goes on by itself, whatever happens here; so nothing is raised for a store that does not
    answer meanwhile.
    """
    latest = begun
    deadline = time.monotonic() + FOLLOW_SECONDS
    with suppress(KeyboardInterrupt), _progress() as show:
        while not _is_over(latest.rotation) and time.monotonic() < deadline:
            if system.stop_signals.came:
                break
            with suppress(StorageUnavailable):
                latest = read_again(system, latest.rotation)
                show(latest.rotation, _counts(system, latest.rotation))
            if not _is_over(latest.rotation):
                time.sleep(POLL_SECONDS)
    return latest


def print_receipt(found: RotationWithUse) -> None:
    """The receipt stands there, as a table on a terminal, else a fact a line."""
    facts = _facts(found)
    if on_terminal():
        print_table(("RECEIPT", ""), list(facts.items()))
    else:
        print_facts(facts)


def _facts(found: RotationWithUse) -> dict[str, Cell]:
    rotation, use = found.rotation, found.last_old_key_use
    return {
        "id": rotation.id,
        "state": rotation.state.value,
        "requested": rotation.requested_at,
        "requested by": rotation.requested_by,
        "due": rotation.due_at,
        "pinned": rotation.pinned or None,
        "moved because": rotation.moved_because.value if rotation.moved_because else None,
        "moved at": rotation.moved_at,
        "effective": rotation.effective_at,
        "completed": rotation.completed_at,
        "old key": rotation.old_key_id,
        "new key": rotation.new_key_id,
        "sessions targeted": rotation.sessions.targeted,
        "sessions closed": rotation.sessions.closed,
        "sessions gone": rotation.sessions.gone,
        "nodes asked": rotation.nodes.asked,
        "nodes answered": rotation.nodes.answered,
        "nodes expired": ", ".join(rotation.nodes.expired) or None,
        "old key last accepted": use.accepted_at,
        "old key last refused": use.refused_at,
        "reason": rotation.reason,
    }


@contextmanager
def _progress() -> Iterator[Callable[[Rotation, SessionCounts], None]]:
    if not on_terminal():
        yield lambda _rotation, _counts: None
        return
    columns = (
        TextColumn("Disconnecting"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} sessions"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=terminal()) as progress:
        bar = progress.add_task("", total=0)

        def show(rotation: Rotation, counts: SessionCounts) -> None:
            done = counts.targeted if _is_over(rotation) else counts.closed
            progress.update(bar, total=counts.targeted, completed=done)

        yield show


def read_again(system: Connected, rotation: Rotation) -> RotationWithUse:
    """The rotation as it stands now."""
    with system.stores.database.reading() as db:
        return read_rotation(db, rotation.project_id, rotation.id)


def _counts(system: Connected, rotation: Rotation) -> SessionCounts:
    """The figures as they grow, before they are in the receipt."""
    if _is_over(rotation):
        return rotation.sessions
    with system.stores.database.reading() as db:
        revocation = revocation_of(db, rotation)
    return with_receipt(rotation, gather_receipt(system.stores, revocation)).sessions


def _is_over(rotation: Rotation) -> bool:
    return rotation.state is not RotationState.CUTTING
