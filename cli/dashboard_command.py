"""`widget-auth dashboard`."""

import click

from cli.listening import TELLING_READY, host_option, port_option, prepare_to_serve
from cli.options import json_option
from config.settings import DashboardSettings
from dashboard.server import run

PORT = 8402


@click.command()
@host_option
@port_option(PORT)
@json_option
def dashboard(host: str, port: int, *, as_json: bool) -> None:  # noqa: ARG001 - failures look at it
    """Run the dashboard with the admin API. It stops at SIGTERM, within seconds.

    --json gives a failure to start as one JSON document; logs go to standard error.
    """
    settings = prepare_to_serve(DashboardSettings, host, port)
    run(settings, host=host, port=port, **TELLING_READY)
