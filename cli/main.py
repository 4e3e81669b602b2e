"""`widget-auth`: the system from the command line."""

import os
import sys
from collections.abc import Sequence

import click

from cli.command_list import COMMANDS
from cli.failures import EXIT_REFUSED, report


def main() -> None:
    """The process has done what its arguments say, and ends with the exit code that tells how."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The command has run and all it has to say is written; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        _require_unicode(arguments)
        done = COMMANDS.main(list(arguments), "widget-auth", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _stop_writing()
    except Exception as error:  # noqa: BLE001 - nobody is shown a traceback
        return report(error, as_json="--json" in arguments)
    return done if isinstance(done, int) else 0


def _require_unicode(arguments: Sequence[str]) -> None:
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        message = "The arguments are not valid UTF-8."
        raise click.UsageError(message) from None


def _stop_writing() -> int:
    """Nobody reads any more, which Python would complain about once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_REFUSED


if __name__ == "__main__":
    main()
