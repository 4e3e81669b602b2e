"""`widget-auth gateway`. Nothing here may load SQL or use cases: it faces the internet."""

import click

from cli.listening import TELLING_READY, host_option, port_option, prepare_to_serve
from cli.options import json_option
from config.settings import GatewaySettings
from gateway.app import run

PORT = 8401


@click.command()
@host_option
@port_option(PORT)
@json_option
def gateway(host: str, port: int, *, as_json: bool) -> None:  # noqa: ARG001 - failures look at it
    """Run a gateway node: what the widgets talk to. It stops at SIGTERM, within seconds.

    --json gives a failure to start as one JSON document; logs go to standard error.
    """
    settings = prepare_to_serve(GatewaySettings, host, port)
    run(settings, host=host, port=port, **TELLING_READY)
