"""When a previous secret is to end, as it is given on the command line."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli.failures import WrongUse
from domain.rotation_dates import MOST_STRETCH_MINUTES, AtTime, OffHours, When, parse_when
from domain.rotation_refusals import DateInvalid

Command = TypeVar("Command", bound=Callable[..., Any])

NOW = "now"


def when_options(default: str | None, allowed: str, what: str) -> Callable[[Command], Command]:
    """`--retire-previous`, and for off-hours `--stretch-minutes`."""
    retire_option = click.option(
        "--retire-previous",
        default=default,
        required=default is None,
        show_default=default is not None,
        metavar=allowed,
        help=what,
    )
    stretch_option = click.option(
        "--stretch-minutes",
        type=click.IntRange(0, MOST_STRETCH_MINUTES),
        default=0,
        help="With off_hours: how long chat has to be offline.",
    )

    def decorate(command: Command) -> Command:
        return retire_option(stretch_option(command))

    return decorate


def read_when(text: str, stretch_minutes: int) -> When | None:
    """The date; None for now.

    Raises:
        WrongUse: it is none.
    """
    try:
        when = parse_when(text)
    except DateInvalid:
        message = "--retire-previous: give now, off_hours, or a time as 2026-11-22T09:00:00Z."
        raise WrongUse("time_invalid", message) from None
    if isinstance(when, OffHours):
        return OffHours(stretch_minutes)
    if stretch_minutes:
        raise WrongUse("time_invalid", "--stretch-minutes goes with --retire-previous off_hours.")
    return when


def when_text(when: When) -> str:
    """The date in words."""
    return f"at {when.moment:%Y-%m-%d %H:%M:%S} UTC" if isinstance(when, AtTime) else "in off-hours"
