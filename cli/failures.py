"""How a failed command ends: one message that says what to do, and an exit code."""

import json
import logging
import re
import sys
from contextlib import suppress
from dataclasses import dataclass

import click
from click.exceptions import NoArgsIsHelpError

from domain.errors import Invalid, StorageUnavailable, WidgetAuthError
from domain.off_hours import NeverOffline

EXIT_REFUSED = 1
EXIT_WRONG_USE = 2
EXIT_UNAVAILABLE = 3

UNFORESEEN = "internal_error"

# What click repeats of the arguments may be a secret or token given by mistake; ids are shorter.
_SECRETIVE = re.compile(r"[A-Za-z0-9_.-]{41,}")

_log = logging.getLogger(__name__)


class WrongUse(click.UsageError):
    """The command was called in a way that cannot work; `code` says which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told: a code for programs, a message for people, and the exit code."""

    code: str
    message: str
    exit_code: int


def report(error: Exception, *, as_json: bool) -> int:
    """The failure is written, as JSON to standard output or as text to standard error.

    Returns:
        The exit code.
    """
    failure = failure_of(error)
    if failure.code == UNFORESEEN:
        _prepare_to_debug()
    _log.debug("command_failed", exc_info=error)
    if as_json:
        told = {"error": {"code": failure.code, "message": failure.message}}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    elif isinstance(error, NoArgsIsHelpError):
        click.echo(failure.message, err=True)
    else:
        click.echo(f"Error: {failure.message}{_pointer(error)}", err=True)
    return failure.exit_code


def failure_of(error: Exception) -> Failure:
    """What is told of this error; nothing but its type, where it was not foreseen."""
    for kind, code, exit_code in _FORESEEN:
        if isinstance(error, kind):
            return Failure(getattr(error, "code", code), _message(error), exit_code)
    message = (
        f"Something went wrong here ({type(error).__name__})."
        " With WIDGET_AUTH_LOG_LEVEL=debug it tells where."
    )
    return Failure(UNFORESEEN, message, EXIT_UNAVAILABLE)


# The first kind that an error is of decides; an error's own code goes before the one here.
_FORESEEN: tuple[tuple[type[Exception], str, int], ...] = (
    (click.ClickException, "wrong_use", EXIT_WRONG_USE),
    (click.Abort, "stopped", EXIT_REFUSED),
    (NeverOffline, "never_offline", EXIT_REFUSED),
    (Invalid, "invalid", EXIT_WRONG_USE),
    (StorageUnavailable, "unavailable", EXIT_UNAVAILABLE),
    (WidgetAuthError, "refused", EXIT_REFUSED),
)


def _prepare_to_debug() -> None:
    """Whoever asked for it by their settings sees the trace, wherever the error came from."""
    # Loaded for this alone: it may be what failed.
    with suppress(Exception):
        from config.logs import configure_logs  # noqa: PLC0415
        from config.settings import Settings, load  # noqa: PLC0415

        if load(Settings).log_level == "debug":
            configure_logs("console", "debug")


def _message(error: Exception) -> str:
    if isinstance(error, WrongUse | NoArgsIsHelpError):
        return error.format_message()
    if isinstance(error, click.ClickException):
        return _SECRETIVE.sub("[…]", " ".join(error.format_message().split()))
    return str(error) or "Stopped."


def _pointer(error: Exception) -> str:
    """Where the help is, if how the command is called was the fault."""
    if isinstance(error, WrongUse) or not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    return f" See `{error.ctx.command_path} --help`."
