"""One stream out of many: every line with the name of the process that wrote it.

On a terminal each name has its colour and JSON logs are made readable; anywhere else every line
is one JSON object with the process as a member.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_COLOURS = (36, 32, 35, 34, 33, 96, 92, 95)
_LEVEL_COLOURS = {"warning": 33, "error": 31, "critical": 31}
_NAME_WIDTH = 14
_OMITTED = frozenset({"event", "level", "timestamp", "logger", "exception"})


class Output:
    """Where the lines of all processes go."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._pretty = self._stream.isatty()
        self._colour_of: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        """The line of that process is shown."""
        fields = _parse(text)
        if self._pretty:
            self._write(self._prefix(name) + (_readable(fields) if fields else text))
        else:
            self._write(json.dumps({"process": name, **(fields or {"event": text})}))

    def note(self, event: str, level: str = "info", **facts: object) -> None:
        """Something that this process itself has to say, as a past-tense event."""
        self.line("dev", json.dumps({"event": event, "level": level, **facts}))

    def _prefix(self, name: str) -> str:
        colour = self._colour_of.setdefault(name, _COLOURS[len(self._colour_of) % len(_COLOURS)])
        return f"\x1b[{colour}m{name:<{_NAME_WIDTH}}\x1b[0m "

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._fall_silent()

    def _fall_silent(self) -> None:
        """The terminal is gone; what is still to be written, now or at the end, goes nowhere."""
        with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())


def _parse(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "event" in fields else None


def _readable(fields: dict[str, Any]) -> str:
    told = str(fields["event"])
    if colour := _LEVEL_COLOURS.get(str(fields.get("level"))):
        told = f"\x1b[{colour}m{told}\x1b[0m"
    rest = [f"{key}={value}" for key, value in fields.items() if key not in _OMITTED]
    lines = [" ".join([told, *rest])]
    if fields.get("exception"):
        lines.append(str(fields["exception"]))
    return "\n".join(lines)
