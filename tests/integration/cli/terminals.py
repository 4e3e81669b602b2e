"""A person at a terminal, in front of `widget-auth`."""

import os
import pty
import re
import select
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.integration.cli.commands import DEADLINE_SECONDS, CommandLine

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Shows what the command writes and types what the person does. A context manager."""

    def __init__(
        self, cli: CommandLine, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> None:
        self._ours, self._theirs = pty.openpty()
        self._is_theirs = False
        self.raw = ""
        place = Path(os.ttyname(self._theirs))
        self.process = cli.begin(*arguments, variables=variables, terminal=place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self._leave_it_to_them()
        os.close(self._ours)

    @property
    def shown(self) -> str:
        """What stands there, without colours and the moving of the cursor."""
        return _CONTROLS.sub("", self.raw).replace("\r\n", "\n")

    def read_until(self, text: str) -> None:
        """The text stands there."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while text not in self.shown:
            assert self._read(deadline), f"{text!r} is not shown, but:\n{self.shown}"

    def type(self, text: str) -> None:
        """The text and Return are typed."""
        os.write(self._ours, text.encode() + b"\n")

    def read_to_end(self) -> int:
        """The command has ended; returns its exit code."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._read(deadline):
            pass
        return self.process.wait()

    def _read(self, deadline: float) -> bool:
        readable, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
        assert readable, f"nothing more is shown:\n{self.shown}"
        try:
            part = os.read(self._ours, 4096)
        except OSError:  # what the kernel says when the other side is closed
            return False
        self._leave_it_to_them()
        self.raw += part.decode(errors="replace")
        return bool(part)

    def _leave_it_to_them(self) -> None:
        """The command has opened its side, which has been open until then, and may close it."""
        if not self._is_theirs:
            os.close(self._theirs)
            self._is_theirs = True
