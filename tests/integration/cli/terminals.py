"""A person at a terminal, in front of `widget-auth`."""

import os
import pty
import re
import select
import time
from collections.abc import Mapping
from typing import Self

from tests.integration.cli.commands import CommandLine

DEADLINE_SECONDS = 60.0
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Shows what the command writes and types what the person does. A context manager."""

    def __init__(
        self, cli: CommandLine, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.raw = ""
        self.process = cli.start(
            *arguments,
            variables=variables,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
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
        return self.process.wait(DEADLINE_SECONDS)

    def _read(self, deadline: float) -> bool:
        readable, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
        assert readable, f"nothing more is shown:\n{self.shown}"
        try:
            part = os.read(self._ours, 4096)
        except OSError:  # what the kernel says when the other side is closed
            return False
        self.raw += part.decode(errors="replace")
        return bool(part)
