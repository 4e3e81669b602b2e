"""What may be under way on a session, one at a time."""

from typing import Protocol


class Change(Protocol):
    """Something that changes who a session is, or where Redis has it."""

    def begin(self) -> None:
        """It is under way; it calls `finish_change` once over, unless the session has ended."""

    def withdraw(self) -> bool:
        """Whether nobody outside the node had heard of it yet; then nobody will."""

    def supersede(self) -> None:
        """Whoever asked for it is told that it will not happen."""
