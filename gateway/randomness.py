"""Random bytes of the operating system, drawn in larger portions: a call costs more than a hello.

Every byte is handed out once.
"""

import os

PORTION_BYTES = 4096


class RandomBytes:
    """A source for one thread of one process; not to be carried across a fork."""

    def __init__(self) -> None:
        self._portion = b""
        self._used = 0

    def __call__(self, count: int) -> bytes:
        """So many bytes, at most a portion, that nobody else gets."""
        if self._used + count > len(self._portion):
            self._portion = os.urandom(PORTION_BYTES)
            self._used = 0
        begin, self._used = self._used, self._used + count
        return self._portion[begin : self._used]
