"""Watching a rotation through its overlap and its cut, until nothing more is to come."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from rich.progress import BarColumn, Progress, TextColumn

from cli.connections import Connected
from cli.printing import on_terminal, say, shown, terminal
from cli.receipts import follow_rotation, read_again
from domain.errors import StorageUnavailable
from domain.rotation_plans import PENDING
from domain.rotations import Rotation, RotationState
from services.read_rotations import RotationWithUse
from services.read_sessions import count_by_key

POLL_SECONDS = 1.0


def watch_rotation(system: Connected, begun: RotationWithUse) -> RotationWithUse:
    """The rotation once it is over, or as it stood at Ctrl-C.

    A store that does not answer meanwhile is asked again.
    """
    latest = begun
    with suppress(KeyboardInterrupt):
        with _overlap() as show:
            while latest.rotation.state in PENDING:
                with suppress(StorageUnavailable):
                    show(latest.rotation, _left(system, latest.rotation))
                    latest = read_again(system, latest.rotation)
                if latest.rotation.state in PENDING:
                    time.sleep(POLL_SECONDS)
        if latest.rotation.state is RotationState.CUTTING:
            latest = follow_rotation(system, latest)
    return latest


def is_under_way(rotation: Rotation) -> bool:
    """Whether something is to come of it by itself."""
    return rotation.state in PENDING or rotation.state is RotationState.CUTTING


def _left(system: Connected, rotation: Rotation) -> int:
    """How many live sessions the old key still vouches for."""
    return count_by_key(system.stores, rotation.project_id).get(rotation.old_key_id, 0)


@contextmanager
def _overlap() -> Iterator[Callable[[Rotation, int], None]]:
    tell = _Lines()
    if not on_terminal():
        yield tell
        return
    columns = (TextColumn("Overlap"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=terminal()) as progress:
        bar = progress.add_task("")

        def show(rotation: Rotation, left: int) -> None:
            tell(rotation, left)
            total, passed = _span(rotation)
            sessions = f"{left} {'session' if left == 1 else 'sessions'} left by the old key"
            description = f"{_until(total, passed)}, {sessions}"
            progress.update(bar, description=description, total=total, completed=passed)

        yield show


class _Lines:
    """Says what has changed, a line each time; at a terminal above the bar."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, rotation: Rotation, _left: int) -> None:
        if _sentence(rotation) != self._said:
            self._said = _sentence(rotation)
            say(self._said)


def _sentence(rotation: Rotation) -> str:
    because = f" ({rotation.moved_because.value})" if rotation.moved_because else ""
    return f"{rotation.state.value}, due {shown(rotation.due_at)}{because}"


def _until(total: float | None, passed: float) -> str:
    """How long it is until the cut."""
    if total is None:
        return "no date"
    return f"{timedelta(seconds=int(total - passed))} to go"


def _span(rotation: Rotation) -> tuple[float | None, float]:
    """Seconds from the request to the cut, and those of them that have passed."""
    passed = (datetime.now(UTC) - rotation.requested_at).total_seconds()
    if rotation.due_at is None:
        return None, passed
    total = (rotation.due_at - rotation.requested_at).total_seconds()
    return total, min(passed, total)
