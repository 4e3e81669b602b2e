"""`widget-auth gateway`. Nothing here may load SQL or use cases: it faces the internet."""

import os
import sys

import click

from cli.listening import TELLING_READY, host_option, port_option, prepare_to_serve
from cli.options import json_option
from config.settings import GatewaySettings, setting_name
from gateway.app import run

PORT = 8401

KEPT_FROM_IT = ("DATABASE_URL", "SEALING_KEYS", "SESSION_KEY")


@click.command()
@host_option
@port_option(PORT)
@json_option
def gateway(host: str, port: int, *, as_json: bool) -> None:  # noqa: ARG001 - failures look at it
    """Run a gateway node: what the widgets talk to. It stops at SIGTERM, within seconds.

    --json gives a failure to start as one JSON document; logs go to standard error.
    """
    _forget_what_others_know()
    settings = prepare_to_serve(GatewaySettings, host, port)
    run(settings, host=host, port=port, **TELLING_READY)


def _forget_what_others_know() -> None:
    """The environment of this process holds nothing that only workers and dashboard may know.

    What a process was started with stays readable in its memory, so it starts itself anew.
    """
    kept_from_it = {setting_name(name) for name in KEPT_FROM_IT}
    allowed = {name: value for name, value in os.environ.items() if name not in kept_from_it}
    if len(allowed) < len(os.environ):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], allowed)  # noqa: S606
