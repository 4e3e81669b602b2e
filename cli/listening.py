"""What the commands that serve have in common."""

import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, TypeVar

import click

from cli.failures import WrongUse
from cli.settings_of_process import read_settings
from config.logs import configure_logs
from config.readiness import announce_ready
from config.settings import Settings
from config.stopping import end_at_the_second_signal

Command = TypeVar("Command", bound=Callable[..., Any])
SomeSettings = TypeVar("SomeSettings", bound=Settings)

host_option = click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on."
)


def port_option(default: int) -> Callable[[Command], Command]:
    """`--port`, of this process alone."""
    return click.option(
        "--port",
        type=click.IntRange(1, 65535),
        default=default,
        show_default=True,
        help="The port to listen on.",
    )


def prepare_to_serve(settings_class: type[SomeSettings], host: str, port: int) -> SomeSettings:
    """The settings of this process, which logs as they say, and whose port is free.

    Raises:
        WrongUse: the settings are not usable, or nobody can listen there.
    """
    settings = read_settings(settings_class)
    _require_free(host, port)
    _admit_as_many_sockets_as_allowed()
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, _end)
    configure_logs(settings.log_format, settings.log_level)
    return settings


async def tell_ready() -> None:
    """Whoever started this process knows that it is ready; uvicorn calls it once it serves.

    From now on a second signal to stop does not wait for requests and sockets.
    """
    end_at_the_second_signal()
    announce_ready()


# As options of `uvicorn.Config`. One call is enough, and it is made as soon as it serves.
TELLING_READY: dict[str, Any] = {"callback_notify": tell_ready, "timeout_notify": 10**9}


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Called before it serves, and again by uvicorn once all has been closed: it is done."""
    sys.exit(0)


def _admit_as_many_sockets_as_allowed() -> None:
    """The soft limit of open files, often 1,024, is as high as the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except OSError as error:
        message = (
            f"Nobody can listen on {host} port {port}: {error.strerror}."
            " Choose another with --host or --port."
        )
        raise WrongUse("cannot_listen", message) from None
